"""The part of the status about scaling.

The autoscaler decides every few seconds, and its message changes with every request. The status is for users
and for the next operator, so it changes less often. A decision is written when the number of replicas
changes, soon when it is trouble, and otherwise at most once a minute and only if it has something new.
Everything in the status that is about scaling, conditions included, follows from what is written there, so
that reports and writes go together.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fairlead_operator.autoscale.decision import ScalingReason
from fairlead_operator.plan.catalogue.reasons import is_healthy
from fairlead_operator.plan.findings import Finding, parse_time, timestamp
from fairlead_operator.plan.scaling.replicas import Scaling, is_native, least_replicas
from fairlead_operator.render.model import Model

Object = dict[str, Any]
Row = tuple[str, bool | None, Finding]

_QUIET_SECONDS = 60.0
# Decisions that need an action are written sooner.
_QUIET_TROUBLE_SECONDS = 5.0
# What was learned counts as new when a value has moved by so much: precise enough for users, and for an
# operator that restarts.
_MATERIAL = 0.25
# A value that counts as zero.
_NOTHING = 1e-9
# Decisions without a known demand.
_WITHOUT_DEMAND = frozenset({ScalingReason.METRICS_MISSING, ScalingReason.FALLBACK})
# A limit, not the demand, set the number, and may continue to.
_BOUND = frozenset(
    {
        ScalingReason.POLICY,
        ScalingReason.MINIMUM,
        ScalingReason.MAXIMUM,
        ScalingReason.NO_CAPACITY,
        ScalingReason.PLACING,
        ScalingReason.FALLBACK,
    }
)


def scaling_status(model: Model, scaling: Scaling | None, now: datetime) -> Object | None:
    """status.autoscaling: the stored value as long as it is recent enough."""
    before: Object | None = model.status.get("autoscaling")
    if model.spec.autoscaling is None:
        return None
    if scaling is None:
        return before
    written, current = before or {}, _current_status(scaling)
    changed = written.get("desiredReplicas") != current["desiredReplicas"]
    times: Object = {key: written[key] for key in ("lastDecisionTime", "lastScaleTime") if key in written}
    if before and not (changed and is_native(model)) and not _is_due(before, current, now):
        return before
    scale = {"lastScaleTime": timestamp(now)} if before and changed and is_native(model) else {}
    return {**times, **current, **scale, "lastDecisionTime": timestamp(now)}


def scaling_rows(model: Model, written: Object | None, router_host: str) -> list[Row]:
    """The conditions about scaling; none for a fixed number of replicas, or before the first decision."""
    rules = model.spec.autoscaling
    if rules is None or not written:
        return []
    if rules.mode == "External":
        text = "the scale subresource decides; what the operator would do is in status.autoscaling"
        if least_replicas(model, router_host) == 0:
            text += "; at zero a held request starts a replica"
        active: Row = ("ScalingActive", False, Finding("ScaledExternally", text))
        return [active]
    reason, message = written["reason"], written["message"]
    unmeasured = reason in _WITHOUT_DEMAND
    limit = _limit(model, written, router_host)
    return [
        ("ScalingActive", not unmeasured, Finding(reason, message)),
        ("ScalingLimited", limit is not None, limit or Finding("WithinLimits", "no limit applies")),
    ]


def scaling_note(model: Model, written: Object | None) -> tuple[str, str] | None:
    """Reason and note of an event, when the desired number has changed."""
    # Before the first decision the number comes from the status.
    found = model.status.get("autoscaling") or model.status
    before = found.get("desiredReplicas")
    if not is_native(model) or not written or before is None or before == written["desiredReplicas"]:
        return None
    now = written["desiredReplicas"]
    return "ScaledUp" if now > before else "ScaledDown", f"{before} to {now} replicas: {written['message']}"


def _limit(model: Model, written: Object, router_host: str) -> Finding | None:
    """The limit that sets the number of replicas instead of the demand."""
    assert model.spec.autoscaling is not None
    reason, message = written["reason"], written["message"]
    if reason == ScalingReason.MINIMUM and model.spec.autoscaling.min_replicas == 0 and not router_host:
        return Finding("RouterMissing", "no router would hold the requests, so one replica stays")
    return Finding(reason, message) if reason in _BOUND else None


def _current_status(scaling: Scaling) -> Object:
    decision = scaling.decision
    current: Object = {
        "desiredReplicas": decision.replicas,
        "reason": decision.reason,
        "message": decision.message,
        # Absent means the same as null, and is stored.
        "inputs": {name: value for name, value in decision.inputs.items() if value is not None},
        "learned": {name: value for name, value in scaling.learned.items() if value is not None},
        "holdTimeoutSeconds": decision.hold_timeout_seconds,
    }
    if scaling.cold_start:
        current["coldStartSeconds"] = scaling.cold_start
    if decision.expected_ready_seconds is not None:
        current["expectedReadySeconds"] = decision.expected_ready_seconds
    return current


def _is_due(written: Object, current: Object, now: datetime) -> bool:
    """Whether a decision that changes no replicas is worth a write now."""
    last = parse_time(written.get("lastDecisionTime"))
    trouble = current["reason"] != written.get("reason") and not is_healthy(current["reason"])
    quiet = _QUIET_TROUBLE_SECONDS if trouble else _QUIET_SECONDS
    if last and (now - last).total_seconds() < quiet:
        return False
    words = ("desiredReplicas", "reason", "coldStartSeconds", "holdTimeoutSeconds")
    if any(written.get(word) != current.get(word) for word in words):
        return True
    if ("expectedReadySeconds" in written) != ("expectedReadySeconds" in current):
        return True
    return _has_moved(written.get("learned"), current["learned"])


def _has_moved(before: Any, after: Any) -> bool:
    """Whether a value somewhere in two JSON documents differs materially."""
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() != after.keys() or any(_has_moved(before[key], after[key]) for key in after)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) != len(after) or any(map(_has_moved, before, after))
    if isinstance(before, int | float) and isinstance(after, int | float):
        size = max(abs(before), abs(after))
        return size > _NOTHING and abs(after - before) > _MATERIAL * size
    return bool(before != after)
