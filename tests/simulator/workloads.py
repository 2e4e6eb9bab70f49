"""What the autoscalers are compared on: requests over time, and what goes wrong meanwhile.

Rates are in requests per second. One replica of the default engine does about 4 of a chat (1155 tokens in,
211 out, the means of the Azure trace of 2023), so that most workloads need 2 to 6 replicas. Every workload
begins with WARM_UP seconds that are run but not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from tests.simulator.plane import Floats, Integers

WARM_UP = 600.0
HOUR = 3600.0
# From so many prompt tokens on, 5 s to the first token are good; below, 2 s.
LONG_PROMPT = 4096
TTFT_SECONDS, LONG_TTFT_SECONDS = 2.0, 5.0

Rate = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Mix:
    """Lengths of prompts and outputs: log-normal with these means, within bounds."""

    prompt: float = 1155.0
    output: float = 211.0
    spread: float = 0.8
    """Standard deviation of the logarithm."""
    most_prompt: int = 14_000
    most_output: int = 16_384

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Integers, Integers]:
        """Tokens in and out of so many requests."""

        def lengths(mean: float, most: int) -> Integers:
            drawn = rng.lognormal(np.log(mean) - self.spread**2 / 2, self.spread, count)
            return np.clip(np.rint(drawn), 1, most).astype(np.int32)

        return lengths(self.prompt, self.most_prompt), lengths(self.output, self.most_output)


@dataclass(frozen=True)
class Trouble:
    """What goes wrong. Times are seconds since the begin of the run; counted time begins at WARM_UP."""

    gpus: int = 48
    restarts: tuple[float, ...] = ()
    """The autoscaler's process is replaced by a new one."""
    blackout: tuple[float, float] | None = None
    """No metrics of the engines between these times."""
    cold_start_from: float = float("inf")
    """From then on cold starts take `cold_start_factor` times as long."""
    cold_start_factor: float = 1.0


@dataclass(frozen=True)
class Workload:
    """Requests in the order of arrival and the circumstances under which they are served."""

    name: str
    arrival: Floats
    prompt: Integers
    output: Integers
    initial_replicas: int
    end: float
    """The end of counted time."""
    max_replicas: int = 32
    drain_seconds: float = 600.0
    """spec.rollout.drainTimeoutSeconds."""
    trouble: Trouble = field(default_factory=Trouble)

    def limits(self) -> Floats:
        """Seconds in which the first token is due, per request."""
        return np.where(self.prompt >= LONG_PROMPT, LONG_TTFT_SECONDS, TTFT_SECONDS)


def poisson(rng: np.random.Generator, rate: Rate, end: float, most: float) -> Floats:
    """Arrivals of a Poisson process with this rate over time, at most `most`, by thinning."""
    candidates = np.cumsum(rng.exponential(1 / most, int(end * most * 1.1) + 200))
    candidates = candidates[candidates < end]
    return candidates[rng.random(len(candidates)) * most < rate(candidates)]


def _made(
    name: str,
    rng: np.random.Generator,
    rate: Rate,
    hours: float,
    *,
    most: float,
    mix: Mix | None = None,
    initial: int = 1,
) -> Workload:
    end = WARM_UP + hours * HOUR
    arrival = poisson(rng, lambda at: rate(at - WARM_UP), end, most)
    prompt, output = (mix or Mix()).draw(rng, len(arrival))
    return Workload(name, arrival, prompt, output, initial, end)


def _pulse(at: Floats, begin: float, seconds: float) -> Floats:
    return ((at >= begin) & (at < begin + seconds)).astype(np.float64)


def steady(rng: np.random.Generator) -> Workload:
    """The same rate all the time."""
    return _made("steady", rng, lambda at: np.full_like(at, 10.0), 1, most=10, initial=3)


def spikes(rng: np.random.Generator) -> Workload:
    """Five times the rate for 45 s in every quarter of an hour: over before most cold starts are."""

    def rate(at: Floats) -> Floats:
        return np.where((at >= 0) & (at % 900 >= 450) & (at % 900 < 495), 20.0, 4.0)

    return _made("spikes", rng, rate, 2, most=20, initial=1)


def step(rng: np.random.Generator) -> Workload:
    """Six times the rate for half an hour."""
    return _made("step", rng, lambda at: 3.0 + 15.0 * _pulse(at, 1800, 1800), 1.5, most=18, initial=1)


def sinusoid(rng: np.random.Generator) -> Workload:
    """A day in two hours, from 1 to 23 requests per second."""

    def rate(at: Floats) -> Floats:
        return 12.0 - 11.0 * np.cos(2 * np.pi * np.maximum(at, 0) / 7200)

    return _made("sinusoid", rng, rate, 2, most=23, initial=1)


def flash(rng: np.random.Generator) -> Workload:
    """A crowd that comes at once and leaves by half every seven minutes."""

    def rate(at: Floats) -> Floats:
        since = at - 1200
        return 3.0 + np.where(since >= 0, 21.0 * np.exp(-np.maximum(since, 0) / 600), 0.0)

    return _made("flash", rng, rate, 1.5, most=24, initial=1)


def on_off(rng: np.random.Generator) -> Workload:
    """Ten minutes of work, twenty of nothing: from zero and back."""

    def rate(at: Floats) -> Floats:
        return np.where((at >= 0) & (at % 1800 >= 600) & (at % 1800 < 1200), 5.0, 0.0)

    return _made("on-off", rng, rate, 2, most=5, initial=0)


def mix_shift(rng: np.random.Generator) -> Workload:
    """Chats, and from half-time on prompts seven times as long at a lower rate."""
    chats = _made("mix-shift", rng, lambda at: np.where(at < 2700, 8.0, 0.0), 1.5, most=8, initial=2)
    long = Mix(prompt=8000.0, output=300.0, spread=0.3)
    tail = _made("mix-shift", rng, lambda at: np.where(at >= 2700, 3.0, 0.0), 1.5, most=3, mix=long)
    return replace(
        chats,
        arrival=np.concatenate([chats.arrival, tail.arrival]),
        prompt=np.concatenate([chats.prompt, tail.prompt]),
        output=np.concatenate([chats.output, tail.output]),
    )


def long_outputs(rng: np.random.Generator) -> Workload:
    """Streams of minutes, and a rate that falls to a third: pods must drain long."""
    mix = Mix(prompt=500.0, output=4000.0, spread=0.9)
    made = _made(
        "long-outputs", rng, lambda at: 0.4 + 0.8 * _pulse(at, 600, 3600), 1.5, most=1.2, mix=mix, initial=2
    )
    return replace(made, drain_seconds=1800.0)


def bursts(rng: np.random.Generator) -> Workload:
    """Batch clients with long prompts that come and go: a minute of work, one and a half of next to nothing,
    both of random length.
    """
    most, idle = 30.0, 1.0
    edges: list[float] = [0.0]
    while edges[-1] < WARM_UP + 1.5 * HOUR:
        edges.append(edges[-1] + rng.exponential(90.0))
        edges.append(edges[-1] + rng.exponential(60.0))
    heights = np.full(len(edges), idle)
    heights[1::2] = rng.uniform(10.0, most, len(heights[1::2]))

    def rate(at: Floats) -> Floats:
        return heights[np.searchsorted(edges, at + WARM_UP, side="right") - 1]

    mix = Mix(prompt=2000.0, output=30.0)
    return _made("bursts", rng, rate, 1.5, most=most, mix=mix, initial=4)


def few_gpus(rng: np.random.Generator) -> Workload:
    """More work than five GPUs can do, for twenty minutes."""
    made = _made("few-gpus", rng, lambda at: 8.0 + 20.0 * _pulse(at, 900, 1200), 1.25, most=28, initial=2)
    return replace(made, max_replicas=64, trouble=Trouble(gpus=5))


def blackout(rng: np.random.Generator) -> Workload:
    """The engines' metrics are missing for ten minutes while the rate doubles."""
    made = _made("blackout", rng, lambda at: 6.0 + 6.0 * _pulse(at, 1800, 1800), 1.25, most=12, initial=2)
    return replace(made, trouble=Trouble(blackout=(WARM_UP + 1700, WARM_UP + 2300)))


def drift(rng: np.random.Generator) -> Workload:
    """Two steps; cold starts take twice as long in the second."""

    def rate(at: Floats) -> Floats:
        return 4.0 + 12.0 * (_pulse(at, 900, 1200) + _pulse(at, 4500, 1200))

    made = _made("drift", rng, rate, 2, most=16, initial=1)
    return replace(made, trouble=Trouble(cold_start_from=WARM_UP + 3600, cold_start_factor=2.0))


def restart(rng: np.random.Generator) -> Workload:
    """The autoscaler is restarted three times: under load, in a rise, and in the fall after it."""
    made = _made("restart", rng, lambda at: 6.0 + 12.0 * _pulse(at, 1800, 1500), 1.25, most=18, initial=2)
    return replace(made, trouble=Trouble(restarts=(WARM_UP + 900, WARM_UP + 1830, WARM_UP + 3360)))


Make = Callable[[np.random.Generator], Workload]

# Constants are tuned on the one half and reported on the other; which is in which was decided beforehand.
TRAINING: Mapping[str, Make] = {
    "steady": steady,
    "spikes": spikes,
    "step": step,
    "long-outputs": long_outputs,
    "blackout": blackout,
    "restart": restart,
    "bursts": bursts,
}
HELD_OUT: Mapping[str, Make] = {
    "sinusoid": sinusoid,
    "flash": flash,
    "on-off": on_off,
    "mix-shift": mix_shift,
    "few-gpus": few_gpus,
    "drift": drift,
}
