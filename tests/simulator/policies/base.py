"""What an autoscaler sees and answers, and the sliding windows that most of them share."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tests.simulator.cluster import Pod
from tests.simulator.plane import Gauge, Totals


@dataclass(frozen=True)
class View:
    """The model at one moment. Metrics are as fresh as can be: what sees them later keeps them itself."""

    at: float
    totals: Totals
    mean_load: float
    """Requests held and on pods, mean since the view before."""
    pods: tuple[Pod, ...]
    gauges: Mapping[str, Gauge]
    """Of the pods that are ready or draining, by name."""
    replicas: int
    """Wanted until now."""
    engines_visible: bool = True
    """False during an outage of the engines' metrics."""

    @property
    def load(self) -> float:
        """Requests held and on pods, now."""
        return self.totals.held + self.totals.in_flight

    @property
    def ready(self) -> int:
        """Pods that take requests."""
        return sum(pod.ready is not None and pod.draining_since is None for pod in self.pods)

    @property
    def waiting(self) -> float:
        """Requests that no engine has begun, wherever they wait."""
        return self.totals.held + sum(gauge.waiting for gauge in self.gauges.values())


@dataclass(frozen=True)
class Order:
    """The answer: pods that should be there, draining ones not counted."""

    replicas: int
    removal: tuple[str, ...] = ()
    recall: tuple[str, ...] = ()
    limit: float | None = None
    """Requests that the router may give to one pod, if the autoscaler has learned that."""
    recheck: float | None = None
    """Seconds to the next call; None: the policy's period."""


class Policy(Protocol):
    """An autoscaler of one model."""

    period: float
    """Seconds between two calls of `decide`."""
    wake_seconds: float | None
    """From the first request at zero replicas to an extra call of `decide`; None: there is none."""

    def decide(self, view: View) -> Order:
        """What should be there from now on."""
        ...

    def restart(self, at: float) -> None:
        """The process restarts with the state that it keeps elsewhere."""
        ...


@dataclass
class Window:
    """Samples of the last `seconds`."""

    seconds: float
    samples: deque[tuple[float, float]] = field(default_factory=deque)

    def add(self, at: float, value: float) -> None:
        """A sample; those that are older than the window go."""
        self.samples.append((at, value))
        while self.samples[0][0] <= at - self.seconds:
            self.samples.popleft()

    def mean(self) -> float:
        """Of the samples; 0 without any."""
        return sum(value for _, value in self.samples) / len(self.samples) if self.samples else 0.0

    def most(self) -> float:
        """The greatest sample; 0 without any."""
        return max((value for _, value in self.samples), default=0.0)


def clamp(value: float, least: float, most: float) -> int:
    """The whole number within the bounds; the lower one wins."""
    return int(max(least, min(value, most)))
