"""The queries of the documentation: every metric in them exists and has the labels that they use."""

from __future__ import annotations

import re

import pytest

from tests.docs.blocks import Block, all_blocks
from tests.support.metric_tables import Metric, documented

_METRIC = re.compile(r"(fairlead_[a-z_]+)\s*(?:\{([^}]*)\})?")
_LABEL = re.compile(r"(\w+)\s*[=!]~?")
_OF_HISTOGRAM = re.compile(r"_(bucket|count|sum)$")
# Those of Prometheus' targets, and of a histogram's buckets.
_EVERYWHERE = frozenset({"job", "instance", "pod", "le"})


def metrics() -> dict[str, Metric]:
    """All that docs/metrics.md lists."""
    return {
        metric.name: metric for heading in ("Operator", "Gateway", "Router") for metric in documented(heading)
    }


def problems(query: str) -> list[str]:
    """What a query asks for that there is not."""
    known, found = metrics(), []
    for name, selector in _METRIC.findall(query):
        metric = known.get(name) or known.get(_OF_HISTOGRAM.sub("", name))
        if metric is None:
            found.append(name)
        else:
            unknown = set(_LABEL.findall(selector)) - metric.labels - _EVERYWHERE
            found += [f"{name}{{{label}}}" for label in sorted(unknown)]
    return found


@pytest.mark.parametrize("block", [*all_blocks("promql")], ids=lambda block: block.place)
def test_a_query_in_the_documentation_uses_metrics_that_exist(block: Block) -> None:
    assert problems(block.text) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("rate(fairlead_router_requests_total{status=~'5..'}[5m])", []),
        ("fairlead_router_time_to_first_token_seconds_bucket{le='0.5', model='a'}", []),
        ("sum(fairlead_router_request_total)", ["fairlead_router_request_total"]),
        ("fairlead_router_queued{endpoint='chat'}", ["fairlead_router_queued{endpoint}"]),
    ],
)
def test_an_unknown_metric_or_label_is_reported(query: str, found: list[str]) -> None:
    assert problems(query) == found
