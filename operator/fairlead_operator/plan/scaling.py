"""How many replicas are wanted where that follows the demand, and what the status tells of it.

The autoscaler decides every few seconds, and its words change with every request. The status is for people
and for the next operator, so it holds still: a decision is written when the number of replicas changes, soon
when it is trouble, and otherwise at most once a minute and only if it says something new. Everything in the
status that is about scaling, conditions included, follows from what is written there, so that reports and
writes go together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fairlead_operator.autoscale.decision import Decision, ScalingReason
from fairlead_operator.autoscale.schedules import problem
from fairlead_operator.autoscale.settings import Settings
from fairlead_operator.plan.findings import Finding, parse_time, timestamp
from fairlead_operator.plan.reasons import is_healthy
from fairlead_operator.render.model import Model

Object = dict[str, Any]
Row = tuple[str, bool | None, Finding]

_QUIET_SECONDS = 60.0
# What somebody should do something about is told sooner.
_QUIET_TROUBLE_SECONDS = 5.0
# What was learned counts as new when a value has moved by so much: enough for people to see where it stands,
# and for an operator that starts anew to go on with it.
_MATERIAL = 0.25
# A value that is as good as none.
_NOTHING = 1e-9
# Decided without knowing the demand.
_BLIND = frozenset({ScalingReason.METRICS_MISSING, ScalingReason.FALLBACK})
# Something else than the demand had the last word, and may go on to have it.
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


@dataclass(frozen=True)
class Parting:
    """Names of pods that leave in two steps: those that are `draining` have something left to do and keep
    their places in the Deployment, those that are `released` are through and to be deleted.
    """

    draining: tuple[str, ...] = ()
    released: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, those to be deleted first first."""
        return (*self.released, *self.draining)


@dataclass(frozen=True)
class Scaling:
    """What the autoscaler knows of a model: its latest decision, what it has learned (JSON), and how long
    starts take (`coldStartSeconds` of the status, None while unknown).

    `parting` are pods that it does not count any more.
    """

    decision: Decision
    learned: Object = field(default_factory=dict)
    cold_start: Object | None = None
    parting: Parting = Parting()


def is_native(model: Model) -> bool:
    """Whether the operator decides how many replicas there are."""
    return model.spec.autoscaling is not None and model.spec.autoscaling.mode == "Native"


def first_replicas(model: Model, workload: Object, router_host: str) -> int:
    """Replicas before the first decision: what there is, so that a new operator changes nothing; else the
    least.
    """
    assert model.spec.autoscaling is not None
    if workload:
        return int(workload["spec"].get("replicas", 1))
    return least_replicas(model, router_host)


def least_replicas(model: Model, router_host: str) -> int:
    """spec.autoscaling.minReplicas; without a router, which would hold the requests, never 0."""
    assert model.spec.autoscaling is not None
    return max(model.spec.autoscaling.min_replicas, 0 if router_host else 1)


def unreadable_schedules(model: Model) -> list[str]:
    """What is wrong with spec.autoscaling.schedules: the API server knows neither dates nor time zones."""
    rules = model.spec.autoscaling
    schedules = Settings.from_spec(rules).schedules if rules else ()
    return [
        f"spec.autoscaling.schedules[{place}]: {text}"
        for place, schedule in enumerate(schedules)
        if (text := problem(schedule))
    ]


def operator_sets_replicas(model: Model, router_host: str) -> bool:
    """Whether the autoscaler's word counts, and not somebody else's.

    Whoever scales with mode External may not see the held requests for minutes, and a
    HorizontalPodAutoscaler does nothing at all at zero. So while their word is 0 and minReplicas allows for
    it, requests start the first replicas here too, and keep them until the cooldown is over. Nothing is
    written to the scale subresource: it is not ours.
    """
    return is_native(model) or (model.spec.replicas == 0 and least_replicas(model, router_host) == 0)


def replicas_for_decision(model: Model, decided: int) -> int:
    """Replicas that follow from a decision that counts."""
    assert model.spec.autoscaling is not None
    first = model.spec.autoscaling.scale_from_zero.initial_replicas or 1
    return decided if is_native(model) else min(decided, first)


def with_current_replicas(model: Model, workload: Object, scaling: Scaling | None, router_host: str) -> Model:
    """The model with the replicas that are wanted now in spec.replicas."""
    if model.spec.autoscaling is None or not operator_sets_replicas(model, router_host):
        return model
    if scaling is None:
        return model.with_replicas(replicas_for_decision(model, first_replicas(model, workload, router_host)))
    # Pods that drain keep their places in the Deployment: it would delete them.
    return model.with_replicas(
        replicas_for_decision(model, scaling.decision.replicas) + len(scaling.parting.draining)
    )


def scaling_status(model: Model, scaling: Scaling | None, now: datetime) -> Object | None:
    """status.autoscaling: what is written already as long as it will do."""
    before: Object | None = model.status.get("autoscaling")
    if model.spec.autoscaling is None:
        return None
    if scaling is None:
        return before
    written, told = before or {}, _told(scaling)
    changed = written.get("desiredReplicas") != told["desiredReplicas"]
    times: Object = {key: written[key] for key in ("lastDecisionTime", "lastScaleTime") if key in written}
    if before and not (changed and is_native(model)) and not _is_due(before, told, now):
        return before
    scale = {"lastScaleTime": timestamp(now)} if before and changed and is_native(model) else {}
    return {**times, **told, **scale, "lastDecisionTime": timestamp(now)}


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
    blind = reason in _BLIND
    limit = _limit(model, written, router_host)
    return [
        ("ScalingActive", not blind, Finding(reason, message)),
        ("ScalingLimited", limit is not None, limit or Finding("WithinLimits", "no bound is in the way")),
    ]


def scaling_note(model: Model, written: Object | None) -> tuple[str, str] | None:
    """Reason and note of an event, when the wanted number has changed."""
    # The first decision follows on a number that was nobody's decision.
    found = model.status.get("autoscaling") or model.status
    before = found.get("desiredReplicas")
    if not is_native(model) or not written or before is None or before == written["desiredReplicas"]:
        return None
    now = written["desiredReplicas"]
    return "ScaledUp" if now > before else "ScaledDown", f"{before} to {now} replicas: {written['message']}"


def _limit(model: Model, written: Object, router_host: str) -> Finding | None:
    """What else than the demand sets the number of replicas."""
    assert model.spec.autoscaling is not None
    reason, message = written["reason"], written["message"]
    if reason == ScalingReason.MINIMUM and model.spec.autoscaling.min_replicas == 0 and not router_host:
        return Finding("RouterMissing", "no router would hold the requests, so one replica stays")
    return Finding(reason, message) if reason in _BOUND else None


def _told(scaling: Scaling) -> Object:
    decision = scaling.decision
    told: Object = {
        "desiredReplicas": decision.replicas,
        "reason": decision.reason,
        "message": decision.message,
        # Absent means the same as null, and is stored.
        "inputs": {name: value for name, value in decision.inputs.items() if value is not None},
        "learned": {name: value for name, value in scaling.learned.items() if value is not None},
        "holdTimeoutSeconds": decision.hold_timeout_seconds,
    }
    if scaling.cold_start:
        told["coldStartSeconds"] = scaling.cold_start
    if decision.expected_ready_seconds is not None:
        told["expectedReadySeconds"] = decision.expected_ready_seconds
    return told


def _is_due(written: Object, told: Object, now: datetime) -> bool:
    """Whether a decision that changes no replicas is worth a write now."""
    last = parse_time(written.get("lastDecisionTime"))
    trouble = told["reason"] != written.get("reason") and not is_healthy(told["reason"])
    quiet = _QUIET_TROUBLE_SECONDS if trouble else _QUIET_SECONDS
    if last and (now - last).total_seconds() < quiet:
        return False
    words = ("desiredReplicas", "reason", "coldStartSeconds", "holdTimeoutSeconds")
    if any(written.get(word) != told.get(word) for word in words):
        return True
    if ("expectedReadySeconds" in written) != ("expectedReadySeconds" in told):
        return True
    return _has_moved(written.get("learned"), told["learned"])


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
