"""What one replica can do: how many requests at once, and how many a second.

With the costs of a step known, a request of I prompt and O generated tokens costs c = I·d + O·b seconds that
batching cannot share, and O steps that it shares with all others in the batch. At N requests at once the
replica is busy with the unshared part for a share of N·c / (N·c + O·a) of the time. The concurrency at which
that share is the wanted utilization is the knee: beyond it requests only wait for each other.
"""

from __future__ import annotations

from dataclasses import dataclass

from fairlead_operator.autoscale.mix import Mix
from fairlead_operator.autoscale.step_cost import StepCost

# Share of the KV cache that may be planned with: requests grow while they run.
KV_SHARE = 0.85
# Requests at once while the costs of a step do not explain what is seen.
UNEXPLAINED = 16.0
# How much larger than planned batches are while requests wait: the router goes that far.
FULL = 1.25
LEAST_UTILIZATION = 0.5


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds the concurrency besides the knee; None: no such bound."""

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
    """Requests per second while requests wait: batches are larger then, and answers slower."""
    utilization: float
    """The utilization it was computed for."""
    bound: float | None
    """The least of the limits, in requests at once."""


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
    """Without: the bounds that are known, or a cautious number, and how long requests were seen to stay."""
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
    # A target that not even a request alone would meet is of no help: it would ask for one pod each.
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
