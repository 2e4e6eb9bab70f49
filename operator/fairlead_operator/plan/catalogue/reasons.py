"""The catalogue of reasons: every reason of the operator's conditions, its meaning and what to do.

The order is the order of importance: of several pods' causes, the first one here is reported.
"""

from __future__ import annotations

from fairlead_operator.plan.catalogue import cluster, engine, scaling, spec, state, weights

_REASONS = (
    *spec.REASONS,
    *engine.CONFIGURATION,
    engine.HOST_OUT_OF_MEMORY,
    *weights.REASONS,
    *engine.RUNNING,
    *cluster.CONTAINERS,
    *cluster.CREATION,
    *cluster.PLACEMENT,
    *engine.NOT_READY,
    *state.LATE,
    *weights.STATE,
    *state.UNDER_WAY,
    *scaling.REASONS,
    *spec.CONTESTED,
    *spec.NAMES,
)

CATALOGUE = {reason.name: reason for reason in _REASONS}
_RANK = {name: rank for rank, name in enumerate(CATALOGUE)}
# Reasons that are taken over from a pod, where any program could have written them.
_CLAIMANTS = frozenset({"launcher", "download"})
_UNKNOWN_REMEDY = "See `kubectl describe pod` and the engine's log."


def rank(name: str) -> int:
    """The importance of a reason, most important lowest. Unknown ones count as a crash of the engine."""
    return _RANK.get(name, _RANK["EngineCrashed"])


def may_be_claimed(name: str) -> bool:
    """Whether a container may give this reason for its own failure: launcher and download do."""
    reason = CATALOGUE.get(name)
    return reason is not None and not reason.healthy and bool(_CLAIMANTS & {*reason.source.split(", ")})


def is_stalled(name: str, repeated: bool = False) -> bool:
    """Whether only a human can help, of something that happens again and again if `repeated`. Of a reason
    that is not in the catalogue that is only assumed when it is repeated.
    """
    reason = CATALOGUE.get(name)
    if reason is None:
        return repeated
    return reason.stalled or (repeated and reason.stalled_if_repeated)


def is_healthy(name: str) -> bool:
    """Whether the reason is no cause for concern."""
    return name in CATALOGUE and CATALOGUE[name].healthy


def explain(name: str, message: str) -> str:
    """The message with the remedy, unless the reason is healthy."""
    if is_healthy(name):
        return message
    remedy = CATALOGUE[name].remedy if name in CATALOGUE else _UNKNOWN_REMEDY
    return f"{message.rstrip('. ')}. {remedy}"
