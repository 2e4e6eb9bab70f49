"""What a decision is computed from: everything that history and pods come down to.

The formulas know nothing else, so who has these numbers can recompute the decision; they are what
`status.autoscaling.inputs` shows. They are rounded before they are used, not only when they are shown.
Times are in seconds, rates in requests per second.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

Group = TypeVar("Group")
DIGITS = 6


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What is asked of the model."""

    queued: int
    in_flight: int
    """On pods that are not draining."""
    counted_in_flight: float
    """The same where a pod that does not tell counts as full: for scaling down."""
    arrivals_15s: float
    arrivals_60s: float
    arrivals_120s: float
    arrivals_600s: float
    arrivals_trend: float
    """Requests per second, more every second."""
    arrivals_peaks: float
    """Requests per second in bursts that come again and again; 0 where there are none."""
    surge_seconds: float
    """Age of the present burst, 0 without one."""
    surge_persistence: float
    """Chance that it is still there after a cold start; 1 without one."""
    surge_mean_persistence: float
    """What share of its requests will come until then; 1 without one."""


@dataclass(frozen=True, slots=True)
class Supply:
    """What there is."""

    replicas: int
    """Wanted until now."""
    ready: int
    starting: int
    starting_pod_seconds: float
    """Sum, over starting pods, of the time that each serves before a pod created now would be ready."""
    stuck: int
    scheduled: int
    unschedulable: int
    cold_start_seconds: float
    pressure: int
    """1: a KV cache is full while requests wait for it."""


@dataclass(frozen=True, slots=True)
class Ability:
    """What one replica can do, and what that follows from."""

    step_seconds: float
    decode_seconds: float
    """For each generated token."""
    prefill_seconds: float
    """For each prompt token."""
    prompt_tokens: float
    """Of a request, without what the prefix cache has."""
    output_tokens: float
    utilization: float
    concurrency_bound: float | None
    concurrency_factor: float
    concurrency: float
    """Requests at once."""
    rate: float
    """Requests per second at that concurrency."""
    full_rate: float
    """Requests per second with as many at once as the router allows while requests wait."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What was asked of the autoscaler, and how far it may go now."""

    safety: float
    drain_seconds: float
    initial: int
    least: int
    most: int
    highest: int
    """Recommended within the window for scaling down."""
    highest_lately: int
    """Recommended within the last minute: for pods that are not ready."""
    lowest: int | None
    """Recommended within the window for scaling up; None: there is no window."""
    up_limit: int
    down_limit: int
    may_wait: int
    """Pods that may be without a node."""
    may_shrink: int
    """0: nothing is scaled down now."""
    may_be_zero: int
    """1: nothing was asked for long enough."""


@dataclass(frozen=True, slots=True)
class ScalingFacts:
    """All of it."""

    asked: RequestFacts
    supply: Supply
    ability: Ability
    pace: Pace


def rounded(group: Group) -> Group:
    """A group of facts with floats of six significant digits."""
    values = {item.name: getattr(group, item.name) for item in fields(group)}  # type: ignore[arg-type]
    return type(group)(**{name: significant(v) if isinstance(v, float) else v for name, v in values.items()})


def significant(value: float) -> float:
    """With six significant digits."""
    return float(f"{value:.{DIGITS}g}")
