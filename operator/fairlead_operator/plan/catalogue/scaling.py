"""Reasons about the number of replicas: the causes and limits of the autoscaler's decisions."""

from __future__ import annotations

from fairlead_operator.plan.catalogue.reason import ConditionReason

_SOURCE = "autoscaler"


def _healthy(name: str, meaning: str) -> ConditionReason:
    return ConditionReason(name, meaning, "Nothing.", _SOURCE, healthy=True)


REASONS = (
    ConditionReason(
        "MetricsMissing",
        "No router and no gateway answered with the demand. Nothing is scaled down.",
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
    _healthy("MinReplicas", "spec.autoscaling.minReplicas or a schedule requires more than the demand."),
    _healthy("WakeUp", "From zero, because requests wait."),
    _healthy("Backlog", "More than the arrivals need, for requests that would still wait later."),
    _healthy("KVCachePressure", "One more: a pod's KV cache is full while requests wait for it."),
    _healthy("Demand", "As many replicas as the demand needs."),
    _healthy("Stabilizing", "Another number was recommended a short while ago, and is kept for now."),
    _healthy("NoRoomToConsolidate", "Fewer would do for the arrivals; the running requests need them."),
    _healthy("Cooldown", "The last replica stays until no request has come for the cooldown."),
    _healthy("Idle", "To zero: no request came for spec.autoscaling.cooldownSeconds."),
    _healthy("OperatorStarted", "The operator has just started and does not scale down yet."),
    _healthy("ScaledExternally", "The writer of the scale subresource decides (mode External)."),
    _healthy("WithinLimits", "The demand decides; no limit applies."),
)
