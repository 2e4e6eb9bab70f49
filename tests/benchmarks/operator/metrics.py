"""The operator's /metrics as figures of the time between two readings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

_PREFIX = "fairlead_operator_"
# Requests that belong to the replica and not to any model.
_OWN = frozenset({"Lease", "SelfSubjectAccessReview"})
_READ = "GET"

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Metrics:
    """One look at /metrics: the value of each sample by its name, without our prefix, and its labels."""

    samples: Mapping[str, Mapping[Labels, float]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Metrics:
        """Reads the text format. Raises ValueError if it is none."""
        samples: dict[str, dict[Labels, float]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = tuple(sorted(sample.labels.items()))
                samples.setdefault(sample.name.removeprefix(_PREFIX), {})[labels] = sample.value
        return cls(samples)

    def total(self, name: str) -> float:
        """The sum over all labels; 0 if there is no such sample."""
        return sum(self.samples.get(name, {}).values())

    def __sub__(self, earlier: Metrics) -> Metrics:
        """What was counted since; meaningless for gauges."""
        return Metrics(
            {
                name: {
                    labels: value - earlier.samples.get(name, {}).get(labels, 0.0)
                    for labels, value in found.items()
                }
                for name, found in self.samples.items()
            }
        )

    def requests(self) -> dict[str, int]:
        """Requests to the API server about models, by "VERB Kind", without what came to nothing."""
        counted: dict[str, int] = {}
        for labels, value in self.samples.get("api_requests_total", {}).items():
            about = dict(labels)
            if value and about["kind"] not in _OWN:
                title = f"{about['verb']} {about['kind']}"
                counted[title] = counted.get(title, 0) + int(value)
        return dict(sorted(counted.items()))

    def refused(self) -> int:
        """Requests that were answered with 429 or 5xx, or not at all."""
        found = self.samples.get("api_requests_total", {})
        codes = {labels: int(dict(labels)["code"]) for labels in found}
        return int(sum(found[key] for key, code in codes.items() if code in (0, 429) or code >= 500))

    def reads(self) -> int:
        """Requests that change nothing."""
        return sum(count for title, count in self.requests().items() if title.startswith(_READ))

    def writes(self) -> int:
        """Requests that change something."""
        return sum(self.requests().values()) - self.reads()

    def quantile(self, name: str, share: float) -> float:
        """A quantile of a histogram, interpolated within its bucket as Prometheus does; 0 if it is empty.

        Above the last finite bound the answer is that bound.
        """
        rows = self.samples.get(f"{name}_bucket", {})
        buckets = sorted((float(dict(labels)["le"]), count) for labels, count in rows.items())
        if not buckets or not buckets[-1][1]:
            return 0.0
        wanted = share * buckets[-1][1]
        low, below = 0.0, 0.0
        for bound, count in buckets:
            if count >= wanted:
                if bound == float("inf"):
                    return low
                return low + (bound - low) * (wanted - below) / (count - below) if count > below else bound
            low, below = bound, count
        return low
