"""A metrics page as figures."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


def samples(page: str | bytes) -> Iterator[Sample]:
    """All samples of a page in Prometheus' text format."""
    text = page.decode() if isinstance(page, bytes) else page
    for family in text_string_to_metric_families(text):
        yield from family.samples


def total(page: str | bytes, name: str, **labels: str) -> float:
    """The sum of the samples of this name that have these labels."""
    return sum(
        sample.value
        for sample in samples(page)
        if sample.name == name and labels.items() <= sample.labels.items()
    )
