"""What the autoscaler answers: a number, and everything from which a person can recompute it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Number = float | int


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision. It holds until the next one."""

    replicas: int
    """Replicas wanted from now on, draining pods not counted."""
    reason: str
    """CamelCase word for what decided, see `reasons.py`."""
    message: str
    """One line for a person."""
    inputs: Mapping[str, Number | None] = field(default_factory=dict)
    """Everything the number was computed from, with units in the names (see docs/autoscaling.md)."""
    removal: tuple[str, ...] = ()
    """Pods that go now, first to go first."""
    recall: tuple[str, ...] = ()
    """Draining pods that serve again instead of new ones being started."""
    capacity_available: bool = True
    """False: the scheduler has no room for a pod that is wanted."""
    hold_timeout_seconds: int = 600
    """How long a router holds a request while no pod is ready."""
    expected_ready_seconds: int | None = None
    """Until the first pod is ready; None: one is."""
    recheck_after: float = 5.0
    """Seconds until the next decision is due, unless something happens before."""
