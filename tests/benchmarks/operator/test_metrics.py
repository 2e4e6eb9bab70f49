"""What is read from /metrics: counts since an earlier reading, and quantiles of histograms."""

from __future__ import annotations

import pytest

from tests.benchmarks.operator.metrics import Metrics

TEXT = """
# TYPE fairlead_operator_api_requests_total counter
fairlead_operator_api_requests_total{code="200",kind="Service",verb="GET"} 7.0
fairlead_operator_api_requests_total{code="404",kind="Service",verb="GET"} 2.0
fairlead_operator_api_requests_total{code="200",kind="Service",verb="PATCH"} 3.0
fairlead_operator_api_requests_total{code="429",kind="Service",verb="PATCH"} 1.0
fairlead_operator_api_requests_total{code="0",kind="Event",verb="POST"} 1.0
fairlead_operator_api_requests_total{code="200",kind="Lease",verb="PUT"} 50.0
# TYPE fairlead_operator_reconcile_seconds histogram
fairlead_operator_reconcile_seconds_bucket{le="0.1"} 50.0
fairlead_operator_reconcile_seconds_bucket{le="0.2"} 90.0
fairlead_operator_reconcile_seconds_bucket{le="1.0"} 98.0
fairlead_operator_reconcile_seconds_bucket{le="+Inf"} 100.0
fairlead_operator_reconcile_seconds_count 100.0
fairlead_operator_reconcile_seconds_sum 20.0
# TYPE fairlead_operator_reconcile counter
fairlead_operator_reconcile_total{result="ok"} 90.0
fairlead_operator_reconcile_total{result="retry"} 10.0
"""


@pytest.fixture
def metrics() -> Metrics:
    return Metrics.parse(TEXT)


def test_requests_are_counted_by_verb_and_kind_whatever_the_answer(metrics: Metrics) -> None:
    assert metrics.requests() == {"GET Service": 9, "PATCH Service": 4, "POST Event": 1}


def test_requests_of_operator_replicas_about_themselves_are_not_counted_as_writes(metrics: Metrics) -> None:
    assert (metrics.reads(), metrics.writes()) == (9, 5)


def test_refused_and_unanswered_requests_are_reported(metrics: Metrics) -> None:
    assert metrics.refused() == 2


def test_a_total_is_summed_over_all_labels(metrics: Metrics) -> None:
    assert metrics.total("reconcile_total") == 100
    assert metrics.total("no_such_metric") == 0


def test_a_difference_has_the_counts_since_the_first_reading(metrics: Metrics) -> None:
    later = Metrics.parse(
        TEXT.replace('"Service",verb="GET"} 7.0', '"Service",verb="GET"} 9.0') + "# EOF-less\nnew_total 4.0\n"
    )
    difference = later - metrics
    assert difference.requests() == {"GET Service": 2}
    assert difference.total("new_total") == 4


@pytest.mark.parametrize(
    ("share", "seconds"), [(0.25, 0.05), (0.5, 0.1), (0.7, 0.15), (0.98, 1.0), (0.99, 1.0)]
)
def test_quantiles_are_interpolated_up_to_the_last_finite_bound(
    metrics: Metrics, share: float, seconds: float
) -> None:
    assert metrics.quantile("reconcile_seconds", share) == pytest.approx(seconds)


def test_an_empty_histogram_has_no_quantile(metrics: Metrics) -> None:
    assert (metrics - metrics).quantile("reconcile_seconds", 0.5) == 0
    assert metrics.quantile("no_such_histogram", 0.5) == 0
