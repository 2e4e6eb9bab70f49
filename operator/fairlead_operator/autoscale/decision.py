"""A decision of the autoscaler: the number, its reason, and all inputs to recompute it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fairlead_contract.defaults import SHORTEST_HOLD_SECONDS


class ScalingReason(StrEnum):
    """The rule that set the number. Each has its line in docs/autoscaling.md."""

    DEMAND = "Demand"
    """As many as the demand needs."""
    BACKLOG = "Backlog"
    """More than the arrivals need, for requests that would still wait when a new pod is ready."""
    KV_PRESSURE = "KVCachePressure"
    """One more, because the KV cache of a pod is full while requests wait for it."""
    WAKE_UP = "WakeUp"
    """From zero, because requests wait."""
    IDLE = "Idle"
    """To zero: no request came for the cooldown."""
    COOLDOWN = "Cooldown"
    """The last replica stays until no request has come for the cooldown."""
    STABILIZING = "Stabilizing"
    """Fewer would do now; more were needed a short while ago."""
    CONSOLIDATING = "NoRoomToConsolidate"
    """Fewer would do for the arrivals; the running requests need them."""
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
    """No router and no gateway answered, or only pods did: nothing is scaled down."""
    FALLBACK = "Fallback"
    """No metrics for long: `fallback` decides."""


Number = float | int


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision. It holds until the next one."""

    replicas: int
    """Replicas wanted from now on, draining pods not counted."""
    reason: str
    """CamelCase reason, see ScalingReason."""
    message: str
    """One line for a person."""
    inputs: Mapping[str, Number | None] = field(default_factory=dict)
    """Everything from which the number was computed, with units in the names (see docs/autoscaling.md)."""
    removal: tuple[str, ...] = ()
    """Pods that go now, first to go first."""
    recall: tuple[str, ...] = ()
    """Draining pods that serve again instead of new ones being started."""
    hold_timeout_seconds: int = SHORTEST_HOLD_SECONDS
    """How long a router holds a request while no pod is ready."""
    expected_ready_seconds: int | None = None
    """Until the first pod is ready; None: one is."""
    recheck_after: float = 5.0
    """Seconds until the next decision is due, unless something happens before."""
