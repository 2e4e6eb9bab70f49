"""Why a decision is what it is: the word in `status.autoscaling.reason`."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """What decided last. Each has its line in docs/autoscaling.md."""

    DEMAND = "Demand"
    """As many as the demand needs."""
    BACKLOG = "Backlog"
    """More than the flow needs, for requests that would still wait when a new pod is ready."""
    KV_PRESSURE = "KVCachePressure"
    """One more, because the KV cache of a pod is full while requests wait for it."""
    WAKE_UP = "WakeUp"
    """From zero, because requests wait."""
    IDLE = "Idle"
    """To zero: nothing was asked for long enough."""
    COOLDOWN = "Cooldown"
    """The last replica stays until nothing was asked for long enough."""
    STABILIZING = "Stabilizing"
    """Fewer would do now; more were needed a short while ago."""
    CONSOLIDATING = "NoRoomToConsolidate"
    """Fewer would do for what comes; what runs now needs them."""
    POLICY = "PolicyLimited"
    """`behavior` allows no more change for now."""
    MINIMUM = "MinReplicas"
    """minReplicas, or a schedule's."""
    MAXIMUM = "MaxReplicas"
    """maxReplicas."""
    NO_CAPACITY = "InsufficientCapacity"
    """More are needed, and pods that exist have found no node."""
    PLACING = "WaitingForScheduler"
    """More are needed, and the scheduler has not yet placed the pods that exist."""
    STARTED = "OperatorStarted"
    """Nothing is scaled down until enough has been seen since the operator started."""
    METRICS_MISSING = "MetricsMissing"
    """Routers and gateways, or all, could not be asked: nothing is scaled down."""
    FALLBACK = "Fallback"
    """No metrics for long: `fallback` decides."""
