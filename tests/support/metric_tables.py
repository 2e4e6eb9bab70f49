"""The tables of docs/metrics.md, and the same of a page that a program serves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

_PAGE = Path(__file__).resolve().parents[2] / "docs/metrics.md"
_ROW = re.compile(r"\| `(\w+)` \| (\w+) \|([^|]*)\| [^|]+ \|")
_OF_SAMPLES = frozenset({"le"})


@dataclass(frozen=True)
class Metric:
    """A metric by the name of its samples, without what a histogram appends."""

    name: str
    kind: str
    labels: frozenset[str]


def documented(heading: str) -> set[Metric]:
    """The metrics of one section of docs/metrics.md."""
    section = _PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return {
        Metric(name, kind, frozenset(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in _ROW.findall(section)
    }


def served(page: bytes | str, *prefixes: str) -> set[Metric]:
    """The metrics of a page that have samples, or a type at least. Without samples they have no labels."""
    text = page.decode() if isinstance(page, bytes) else page
    found = set()
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        if name.startswith(prefixes):
            labels = frozenset(label for sample in family.samples for label in sample.labels)
            found.add(Metric(name, family.type, labels - _OF_SAMPLES))
    return found
