"""The figures that `fairlead bench` computes from its requests. Pure.

The definitions are those of `vllm bench serve`: TTFT is the time to the first token, ITL the time between two
events of the stream, TPOT the time after the first token divided by the further tokens, latency the time to
the end of the answer. Throughput is what all requests together have brought, divided by the time from the
start of the first to the end of the last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fairlead_operator.autoscale.statistics import quantile

SHARES = (0.5, 0.9, 0.99)


@dataclass(frozen=True)
class Load:
    """How requests are sent: so many at once, or so many a second at random times."""

    concurrency: int | None = None
    rate: float | None = None

    @property
    def value(self) -> float:
        """The number that rises from step to step."""
        return float(self.concurrency if self.rate is None else self.rate)  # type: ignore[arg-type]

    @property
    def text(self) -> str:
        """The load in words."""
        return f"{self.concurrency} at once" if self.rate is None else f"{self.rate:g} per second"


@dataclass(frozen=True)
class Sample:
    """One request: times of a monotonic clock in seconds. `events` are those of its tokens, the first one
    included; `error` says why there is no answer.
    """

    start: float
    end: float
    events: tuple[float, ...] = ()
    prompt_tokens: int = 0
    output_tokens: int = 0
    error: str = ""


@dataclass(frozen=True)
class Spread:
    """Mean and quantiles of times, in milliseconds."""

    mean: float
    p50: float
    p90: float
    p99: float

    def document(self) -> dict[str, float]:
        """The shape in `--output json`."""
        return {name: round(value, 3) for name, value in vars(self).items()}


@dataclass(frozen=True)
class Step:
    """The figures of one load; a spread is None where no answer has it."""

    load: Load
    requests: int
    failed: int
    seconds: float
    requests_per_second: float
    output_tokens_per_second: float
    total_tokens_per_second: float
    prompt_tokens: float
    output_tokens: float
    ttft: Spread | None
    itl: Spread | None
    tpot: Spread | None
    latency: Spread | None
    errors: dict[str, int]

    def document(self) -> dict[str, Any]:
        """The shape in `--output json`, which docs/cli.md documents."""
        spreads = {"ttft": self.ttft, "itl": self.itl, "tpot": self.tpot, "latency": self.latency}
        return {
            "concurrency": self.load.concurrency,
            "requestsPerSecondSent": self.load.rate,
            "requests": self.requests,
            "failed": self.failed,
            "seconds": round(self.seconds, 3),
            "requestsPerSecond": round(self.requests_per_second, 3),
            "outputTokensPerSecond": round(self.output_tokens_per_second, 3),
            "totalTokensPerSecond": round(self.total_tokens_per_second, 3),
            "promptTokensPerRequest": round(self.prompt_tokens, 1),
            "outputTokensPerRequest": round(self.output_tokens, 1),
            **{f"{name}Milliseconds": spread and spread.document() for name, spread in spreads.items()},
            "errors": self.errors,
        }


def summarize(load: Load, samples: Sequence[Sample]) -> Step:
    """The figures of the requests of one load, of which there is at least one."""
    answered = [sample for sample in samples if not sample.error]
    seconds = max(sample.end for sample in samples) - min(sample.start for sample in samples)
    output = sum(sample.output_tokens for sample in answered)
    prompt = sum(sample.prompt_tokens for sample in answered)

    def per_second(amount: float) -> float:
        return amount / seconds if seconds > 0 else 0.0

    return Step(
        load=load,
        requests=len(samples),
        failed=len(samples) - len(answered),
        seconds=seconds,
        requests_per_second=per_second(len(answered)),
        output_tokens_per_second=per_second(output),
        total_tokens_per_second=per_second(output + prompt),
        prompt_tokens=prompt / len(answered) if answered else 0.0,
        output_tokens=output / len(answered) if answered else 0.0,
        ttft=_spread([sample.events[0] - sample.start for sample in answered if sample.events]),
        itl=_spread([gap for sample in answered for gap in _gaps(sample)]),
        tpot=_spread([_tpot(sample) for sample in answered if sample.events and sample.output_tokens > 1]),
        latency=_spread([sample.end - sample.start for sample in answered]),
        errors=dict(Counter(sample.error for sample in samples if sample.error)),
    )


def _gaps(sample: Sample) -> list[float]:
    return [later - earlier for earlier, later in zip(sample.events, sample.events[1:], strict=False)]


def _tpot(sample: Sample) -> float:
    return (sample.end - sample.events[0]) / (sample.output_tokens - 1)


def _spread(seconds: Sequence[float]) -> Spread | None:
    if not seconds:
        return None
    p50, p90, p99 = (quantile(seconds, share) * 1000 for share in SHARES)
    return Spread(sum(seconds) / len(seconds) * 1000, p50, p90, p99)
