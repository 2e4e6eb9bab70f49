"""What the autoscaler answers: a number, its reason, and everything from which a person can recompute it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ScalingReason(StrEnum):
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


Number = float | int


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision. It holds until the next one."""

    replicas: int
    """Replicas wanted from now on, draining pods not counted."""
    reason: str
    """CamelCase word for what decided, see ScalingReason."""
    message: str
    """One line for a person."""
    inputs: Mapping[str, Number | None] = field(default_factory=dict)
    """Everything the number was computed from, with units in the names (see docs/autoscaling.md)."""
    removal: tuple[str, ...] = ()
    """Pods that go now, first to go first."""
    recall: tuple[str, ...] = ()
    """Draining pods that serve again instead of new ones being started."""
    hold_timeout_seconds: int = 600
    """How long a router holds a request while no pod is ready."""
    expected_ready_seconds: int | None = None
    """Until the first pod is ready; None: one is."""
    recheck_after: float = 5.0
    """Seconds until the next decision is due, unless something happens before."""
