"""Capacity of one replica: requests at once, and requests per second.

With the costs of a step known, a request of I prompt and O generated tokens costs c = I·d + O·b seconds that
batching cannot share, and O steps that it shares with all others in the batch. At N requests at once the
replica is busy with the unshared part for a share of N·c / (N·c + O·a) of the time. The concurrency at which
that share is the objective's utilization is the knee: beyond it requests only wait for each other.

The KV cache corrects this. When an engine's cache is full and requests wait for it, or requests are
preempted, the planned concurrency was too high. It is lowered by a tenth and regained slowly.
"""

from __future__ import annotations

from dataclasses import dataclass

from fairlead_operator.autoscale.inputs import ObservedPod
from fairlead_operator.autoscale.request_mix import Mix
from fairlead_operator.autoscale.statistics import rise
from fairlead_operator.autoscale.step_cost import StepCost

# Share of the KV cache that may be planned with: requests grow while they run.
KV_SHARE = 0.85
# Requests at once while the costs of a step do not explain the observations.
UNEXPLAINED = 16.0
# By which factor the router may exceed the planned concurrency while requests wait.
FULL = 1.25
LEAST_UTILIZATION = 0.5


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the concurrency besides the knee; None: no such bound."""

    kv_tokens: int | None = None
    max_running: int | None = None
    max_concurrency: int | None = None
    itl: float | None = None
    ttft: float | None = None
    factor: float = 1.0
    """Lowered after the KV cache was too small for what had been planned."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """Of one replica, within the objective's utilization."""

    concurrency: float
    """Requests at once."""
    rate: float
    """Requests per second at that concurrency."""
    full_rate: float
    """Requests per second while requests wait. Batches are larger then, and answers slower."""
    utilization: float
    """The utilization it was computed for."""
    bound: float | None
    """The lowest of the limits, in requests at once."""


def capacity(cost: StepCost, mix: Mix, utilization: float, limits: Limits) -> Capacity:
    """From learned costs."""
    prompt, output = mix.prompt_tokens, mix.output_tokens
    own = prompt * cost.prefill + output * cost.decode
    target = _within_ttft(utilization, cost, prompt, limits.ttft)
    shared = output * cost.step
    knee = shared * target / (own * (1 - target)) if own > 0 else float("inf")
    bound = least_bound(cost, mix, limits)
    concurrency = knee if bound is None else min(knee, bound)
    concurrency = max(1.0, min(concurrency, 1e6) * limits.factor)
    full = max(concurrency, min(FULL * concurrency, bound or FULL * concurrency))
    rate, full_rate = (1 / max(own + shared / count, 1e-6) for count in (concurrency, full))
    return Capacity(concurrency, rate, full_rate, target, bound)


def unexplained(residence: float, mix: Mix, utilization: float, limits: Limits) -> Capacity:
    """Without learned costs: from the known bounds, or a cautious number, and the observed residence of
    requests."""
    bound = least_bound(StepCost(0.0, 0.0, 0.0), mix, limits)
    concurrency = UNEXPLAINED if limits.max_concurrency is None else float(limits.max_concurrency)
    concurrency = concurrency if bound is None else min(concurrency, bound)
    concurrency = max(1.0, concurrency * limits.factor)
    rate = concurrency / max(residence, 1e-3)
    return Capacity(concurrency, rate, rate, utilization, bound)


def least_bound(cost: StepCost, mix: Mix, limits: Limits) -> float | None:
    """The lowest of: KV cache, time between tokens, the engine's batch, the owner's bound."""
    bounds = []
    if limits.kv_tokens:
        bounds.append(KV_SHARE * limits.kv_tokens / (mix.prompt_tokens + mix.output_tokens / 2))
    # A target that a single request alone would miss is ignored: it would need one pod for each request.
    if limits.itl is not None and 0 < cost.decode < limits.itl - cost.step:
        bounds.append((limits.itl - cost.step) / cost.decode)
    bounds += [float(value) for value in (limits.max_running, limits.max_concurrency) if value]
    return max(1.0, min(bounds)) if bounds else None


def _within_ttft(utilization: float, cost: StepCost, prompt: float, ttft: float | None) -> float:
    """A prompt waits behind others for 1/(1 - utilization) times what it takes alone (processor sharing)."""
    if ttft is None:
        return utilization
    alone = cost.step + prompt * cost.prefill
    if alone >= ttft:
        return utilization
    return max(LEAST_UTILIZATION, min(utilization, 1 - alone / ttft))


FULL_KV_CACHE = 0.95
ROUNDS = 3
STEP_DOWN, LEAST = 0.9, 0.5
# Seconds in which a tenth is regained. Between two reductions a pod has time to start and take load.
REGAIN = 600.0


class Pressure:
    """`factor` is by how much the planned concurrency is lowered, 0.5 to 1."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor
        self.on = False
        self._full: dict[str, int] = {}
        self._preemptions: dict[str, float] = {}
        self._rising: dict[str, int] = {}
        self._lowered: float | None = None
        self._last: float | None = None

    def observe(self, at: float, pods: tuple[ObservedPod, ...], lead: float) -> None:
        """Observe the caches of the ready pods. `lead`: seconds until a new pod is ready."""
        engines = {pod.name: pod.engine for pod in pods if pod.engine is not None}
        self._full = {
            name: self._full.get(name, 0) + 1
            for name, engine in engines.items()
            if engine.kv_usage > FULL_KV_CACHE and engine.waiting > 0
        }
        self._rising = {
            name: self._rising.get(name, 0) + 1
            for name, engine in engines.items()
            if name in self._preemptions and rise(self._preemptions[name], engine.preemptions) > 0
        }
        self._preemptions = {name: engine.preemptions for name, engine in engines.items()}
        self.on = any(rounds >= ROUNDS for rounds in (*self._full.values(), *self._rising.values()))
        self._adapt(at, lead)

    def _adapt(self, at: float, lead: float) -> None:
        passed = at - self._last if self._last is not None else 0.0
        self._last = at
        if not self.on:
            self.factor = min(1.0, self.factor + 0.1 * passed / REGAIN)
        elif self._lowered is None or at - self._lowered >= lead:
            self.factor, self._lowered = max(LEAST, self.factor * STEP_DOWN), at
