"""All numbers from which a decision is computed.

The formulas use nothing else, so the decision can be recomputed from these numbers.
`status.autoscaling.inputs` shows them. They are rounded before they are used, not only when they are shown.
Times are in seconds, rates in requests per second.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

Group = TypeVar("Group")
DIGITS = 6


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """The demand for the model."""

    queued: int
    in_flight: int
    """Requests on pods that are not draining."""
    counted_in_flight: float
    """The same, but a pod whose load is unknown counts as full: for scaling down."""
    arrivals_15s: float
    arrivals_60s: float
    arrivals_120s: float
    arrivals_600s: float
    arrivals_trend: float
    """Rise of the arrivals: requests per second in each second."""
    arrivals_peaks: float
    """Requests per second in recurring bursts; 0 where there are none."""
    surge_seconds: float
    """Age of the present burst, 0 without one."""
    surge_persistence: float
    """Probability that it lasts longer than a cold start; 1 without a burst."""
    surge_mean_persistence: float
    """Share of its requests that will come until then; 1 without a burst."""


@dataclass(frozen=True, slots=True)
class Supply:
    """The replicas and pods that exist."""

    replicas: int
    """Replicas that the last decision set."""
    ready: int
    starting: int
    starting_pod_seconds: float
    """Sum over starting pods of the seconds that each serves before a pod created now would be ready."""
    stuck: int
    scheduled: int
    unschedulable: int
    cold_start_seconds: float
    pressure: int
    """1: a KV cache is full while requests wait for it."""


@dataclass(frozen=True, slots=True)
class Ability:
    """The capacity of one replica, and the numbers that it follows from."""

    step_seconds: float
    decode_seconds: float
    """For each generated token."""
    prefill_seconds: float
    """For each prompt token."""
    prompt_tokens: float
    """Prompt tokens of a request, without those in the prefix cache."""
    output_tokens: float
    utilization: float
    concurrency_bound: float | None
    concurrency_factor: float
    concurrency: float
    """Requests at once."""
    rate: float
    """Requests per second at that concurrency."""
    full_rate: float
    """Requests per second at the concurrency that the router allows while requests wait."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The objective's parameters, and the limits of the present decision."""

    safety: float
    drain_seconds: float
    initial: int
    least: int
    most: int
    highest: int
    """Highest recommendation within the window for scaling down."""
    highest_lately: int
    """Highest recommendation within the last minute: for pods that are not ready."""
    lowest: int | None
    """Lowest recommendation within the window for scaling up; None: there is no window."""
    up_limit: int
    down_limit: int
    may_wait: int
    """Pods that may be without a node."""
    may_shrink: int
    """0: nothing is scaled down now."""
    may_be_zero: int
    """1: no request came for the cooldown."""


@dataclass(frozen=True, slots=True)
class ScalingFacts:
    """All facts of one decision."""

    requests: RequestFacts
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
