"""The parts of a metrics page that gateway and router have in common.

A request only increments plain numbers. Prometheus' types are made of them at a scrape, because their locks
and label lookups cost more than the rest of a request.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from fairlead_contract.version import VERSION

MODEL_LABELS = ("namespace", "model")
ValuesT = TypeVar("ValuesT", bound=tuple[str, ...])

# Upper bounds of the histograms' buckets in seconds. Each bucket is a series for every value of the labels.
# Objectives for the first token are between 0.1 s (a small model) and 5 s (a long prompt): close steps there
# make a quantile near the objective exact. A request that is held for a model at zero waits for minutes.
FIRST_TOKEN_SECONDS = (
    *(0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0),
    *(7.5, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0),
)
# A reader takes 0.1 to 0.25 s for a token; engines make one in 0.005 (a small model) to 0.1 s.
TOKEN_SECONDS = (
    *(0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.06, 0.075, 0.1, 0.125, 0.15),
    *(0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5),
)
# Whole requests and waits: from a refusal to an answer of many minutes.
REQUEST_SECONDS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0),
)


class Durations:
    """A histogram: counts per bucket and a sum, by a key that stands for the values of the labels."""

    def __init__(self, name: str, documentation: str, bounds: Sequence[float] = REQUEST_SECONDS) -> None:
        self._name, self._documentation, self._bounds = name, documentation, bounds
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = defaultdict(float)

    def observe(self, key: str, seconds: float) -> None:
        """Records one duration."""
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = [0] * (len(self._bounds) + 1)
        counts[bisect_left(self._bounds, seconds)] += 1
        self._sums[key] += seconds

    def keep(self, wanted: Callable[[str], bool]) -> None:
        """Drops the keys that are not wanted any more."""
        for key in [key for key in self._counts if not wanted(key)]:
            del self._counts[key], self._sums[key]

    def metric(self, labels: Sequence[str], values_of: Callable[[str], Sequence[str]]) -> Metric:
        """The durations as Prometheus' histogram; `values_of` gives the labels' values for a key."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=labels)
        for key, counts in self._counts.items():
            total = 0
            buckets: list[tuple[str, float]] = []
            for bound, count in zip([*map(str, self._bounds), "+Inf"], counts, strict=True):
                total += count
                buckets.append((bound, total))
            family.add_metric(values_of(key), buckets, self._sums[key])
        return family


def counter(name: str, documentation: str, labels: Sequence[str], counts: Mapping[ValuesT, float]) -> Metric:
    """A counter; `counts` are by the values of the labels."""
    family = CounterMetricFamily(name, documentation, labels=labels)
    for values, count in counts.items():
        family.add_metric(values, count)
    return family


def gauge(name: str, documentation: str, labels: Sequence[str], values: Mapping[ValuesT, float]) -> Metric:
    """A gauge; `values` are by the values of the labels."""
    family = GaugeMetricFamily(name, documentation, labels=labels)
    for value_labels, value in values.items():
        family.add_metric(value_labels, value)
    return family


class MetricsPage(Collector):
    """The metrics of one process in a registry of their own, with its version and its use of the machine.

    `component` is gateway or router. The process metrics have the component's prefix: a gateway's page also
    has its engine's metrics, among them `process_*` of the engine.
    """

    def __init__(self, component: str) -> None:
        self._component = component
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(namespace=f"fairlead_{component}", registry=self._registry)

    def render(self) -> bytes:
        """The page in Prometheus' text format."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: no other collector has these names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Called by prometheus_client for each scrape."""
        values = {(self._component, VERSION): 1}
        yield gauge("fairlead_build_info", "The version of Fairlead.", ("component", "version"), values)
        yield from self.families()

    def families(self) -> Iterator[Metric]:
        """The component's own metrics."""
        yield from ()
