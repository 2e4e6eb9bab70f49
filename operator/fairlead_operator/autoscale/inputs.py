"""What the autoscaler is told on each round.

Whatever is unknown is None: an absent metric is never zero. Times are seconds since the Unix epoch; counters
only ever rise as long as the thing they count on lives, and a counter that fell is read as a new one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """What the metrics of one pod's engine say."""

    running: int
    """Requests in the current batch."""
    waiting: int
    """Requests that the engine has accepted and not begun."""
    kv_usage: float
    """Share of the KV cache in use, 0 to 1."""
    steps: float
    """Counter: engine steps (forward passes)."""
    decode_tokens: float
    """Counter: tokens generated."""
    prefill_tokens: float
    """Counter: prompt tokens computed, without those that the prefix cache had."""
    preemptions: float = 0.0
    """Counter: requests thrown out of the batch for want of KV cache."""
    kv_tokens: int | None = None
    """Tokens that the KV cache holds."""
    max_running: int | None = None
    """The engine's own bound on `running`."""
    at: float | None = None
    """When the metrics were read; None: when the observation was made."""


@dataclass(frozen=True, slots=True)
class ObservedPod:
    """One pod of the model's current or an earlier revision, until it is gone."""

    name: str
    created: float
    scheduled: float | None = None
    """When it got a node; None: not yet."""
    ready: float | None = None
    """Since when it takes requests; None: it does not."""
    unschedulable: bool = False
    """The scheduler found no node for it."""
    stuck: bool = False
    """It fails to start again and again (crash loop, image that cannot be pulled)."""
    draining: bool = False
    """It gets no new requests and leaves when those in flight are done."""
    deleted: bool = False
    """It drains and cannot be called back: Kubernetes ends it."""
    outdated: bool = False
    """It is of an earlier revision."""
    in_flight: int | None = None
    """Requests it has, as its gateway tells; None: not told."""
    engine: EngineLoad | None = None


@dataclass(frozen=True, slots=True)
class Demand:
    """What all routers and gateways say together; the one who sums bridges their restarts."""

    queued: int
    """Requests held, on no pod yet."""
    in_flight: int
    """Requests on pods, not ended."""
    arrivals: float
    """Counter: requests that came."""
    completions: float = 0.0
    """Counter: requests that ended with an answer."""
    prompt_tokens: float = 0.0
    """Counter: prompt tokens of completed requests, cached ones included."""
    completion_tokens: float = 0.0
    """Counter: generated tokens of completed requests."""
    last_completion: float | None = None
    """When the last request ended; None: none known."""


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything known at one moment."""

    at: float
    demand: Demand | None
    """None: neither router nor gateway could be asked."""
    pods: tuple[ObservedPod, ...]
    replicas: int
    """Replicas wanted until now."""
    kind: str = ""
    """What a pod's start depends on, in short: starts of another kind are no measure for it."""
