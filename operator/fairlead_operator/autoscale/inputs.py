"""The inputs of the autoscaler in one round.

What is unknown is None: an absent metric is never zero. Times are seconds since the Unix epoch. Counters only
rise while their process runs. A counter that fell is read as a new one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """The metrics of one pod's engine."""

    running: int
    """Requests in the current batch."""
    waiting: int
    """Requests that the engine has accepted and not started."""
    kv_usage: float
    """Share of the KV cache in use, 0 to 1."""
    steps: float
    """Counter: engine steps (forward passes)."""
    decode_tokens: float
    """Counter: tokens generated."""
    prefill_tokens: float
    """Counter: prompt tokens computed, without those in the prefix cache."""
    preemptions: float = 0.0
    """Counter: requests preempted for lack of KV cache."""
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
    """Since when it is ready for requests; None: it is not."""
    unschedulable: bool = False
    """The scheduler found no node for it."""
    stuck: bool = False
    """It fails to start repeatedly (crash loop, image that cannot be pulled)."""
    draining: bool = False
    """It gets no new requests and is removed when those in flight are done."""
    deleted: bool = False
    """It drains and cannot be called back: Kubernetes deletes it."""
    outdated: bool = False
    """It is of an earlier revision."""
    in_flight: int | None = None
    """Requests on it, from its gateway; None: not known."""
    engine: EngineLoad | None = None


@dataclass(frozen=True, slots=True)
class Demand:
    """The sums over all routers and gateways. The sums bridge the restarts of their processes."""

    queued: int
    """Requests that routers hold, on no pod yet."""
    in_flight: int
    """Requests on pods that have not ended."""
    arrivals: float
    """Counter: requests that arrived."""
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
    """None: no router and no gateway answered."""
    pods: tuple[ObservedPod, ...]
    replicas: int
    """Replicas that the last decision set."""
    kind: str = ""
    """Digest of what a pod's start depends on: starts of another kind are no measure for it."""
