"""Reasons about the number of replicas: what the autoscaler's decisions come from, and what bounds them."""

from __future__ import annotations

from fairlead_operator.plan.reason import ConditionReason

_SOURCE = "autoscaler"


def _healthy(name: str, meaning: str) -> ConditionReason:
    return ConditionReason(name, meaning, "Nothing.", _SOURCE, healthy=True)


REASONS = (
    ConditionReason(
        "MetricsMissing",
        "Routers and gateways, or all of them, could not be asked for the demand. Nothing is scaled down.",
        "See that the router's pods run, and that no NetworkPolicy keeps the operator from the admin ports.",
        _SOURCE,
    ),
    ConditionReason(
        "Fallback",
        "There was no measurement for so long that spec.autoscaling.fallback decides.",
        "See that the router's pods run, and that no NetworkPolicy keeps the operator from the admin ports.",
        _SOURCE,
    ),
    ConditionReason(
        "RouterMissing",
        "spec.autoscaling.minReplicas is 0, but no router is installed that would hold requests meanwhile.",
        "Install the chart with its router, or set minReplicas to 1.",
    ),
    ConditionReason(
        "InsufficientCapacity",
        "More replicas are needed, and pods that exist have found no node.",
        "Add nodes or accelerators; CapacityAvailable says what is lacking.",
        _SOURCE,
    ),
    ConditionReason(
        "MaxReplicas",
        "spec.autoscaling.maxReplicas allows no more replicas, and more are needed.",
        "Raise spec.autoscaling.maxReplicas if requests wait for too long.",
        _SOURCE,
    ),
    _healthy("PolicyLimited", "spec.autoscaling.behavior allows no more change for now."),
    _healthy("WaitingForScheduler", "More replicas are needed; the last pods are still to be placed."),
    _healthy("MinReplicas", "spec.autoscaling.minReplicas or a schedule asks for more than the demand."),
    _healthy("WakeUp", "From zero, because requests wait."),
    _healthy("Backlog", "More than the flow needs, for requests that would still wait later."),
    _healthy("KVCachePressure", "One more: a pod's KV cache is full while requests wait for it."),
    _healthy("Demand", "As many replicas as the demand needs."),
    _healthy("Stabilizing", "Another number was right a short while ago, and is kept for now."),
    _healthy("NoRoomToConsolidate", "Fewer would do for what comes; what runs now needs them."),
    _healthy("Cooldown", "The last replica stays until nothing was asked for long enough."),
    _healthy("Idle", "To zero: nothing was asked for spec.autoscaling.cooldownSeconds."),
    _healthy("OperatorStarted", "The operator has just started and takes nothing away yet."),
    _healthy("ScaledExternally", "Whoever writes the scale subresource decides (mode External)."),
    _healthy("WithinLimits", "The demand decides; no bound is in the way."),
)
