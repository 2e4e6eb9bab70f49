"""From figures to medians, a table and aims; and what a fake node says of a pod."""

from __future__ import annotations

from typing import Any

import pytest

from tests.benchmarks.operator import report
from tests.benchmarks.operator.cluster import is_ready
from tests.benchmarks.operator.nodes import pod_status
from tests.benchmarks.operator.probes import spread


def figures(value: float) -> dict[str, Any]:
    """A run in which every figure has the same value."""
    phases: dict[str, dict[str, Any]] = {}
    for phase, name, _ in report.ROWS:
        phases.setdefault(phase, {})[name] = value
    for aim in report.AIMS:
        phases.setdefault(aim.phase, {})[aim.figure] = value
    phases["converge"]["cpu_seconds"] = {"operator": value}
    machine = {"cpu": "some CPU", "cores": 2, "kernel": "6", "python": "3"}
    about = {"machine": machine, "models": 2000, "namespaces": 20, "seconds": 9, "used_by_others": 0.1}
    return {"about": about, **phases}


def test_figures_are_medians_with_their_extremes() -> None:
    document = report.document([figures(3), figures(1), figures(2)])
    assert document["figures"]["converge"]["seconds"] == {"median": 2, "least": 1, "most": 3}
    assert len(document["runs"]) == 3


def test_aims_are_judged_by_the_median() -> None:
    verdicts = {item["aim"]: item["met"] for item in report.document([figures(190)])["aims"]}
    assert not verdicts["2,000 models converge in under 180 s"]
    assert verdicts["under 200 MiB at its highest"]
    assert verdicts["event to apply under 200 ms when idle, p99"]
    assert not verdicts["no write after a restart"]


def test_the_text_shows_every_row_and_aim() -> None:
    text = report.text(report.document([figures(1), figures(2)]))
    assert all(title in text for _, _, title in report.ROWS)
    assert all(aim.text in text for aim in report.AIMS)
    assert "1.5  (1.0 to 2.0)" in text
    assert "2,000 models in 20 namespaces" in text
    assert "operator 2" in text


def test_a_spread_is_median_p99_and_maximum() -> None:
    assert spread([float(value) for value in range(1, 201)]) == {"p50": 100.5, "p99": 199.0, "max": 200.0}
    assert spread([5.0]) == {"p50": 5.0, "p99": 5.0, "max": 5.0}


@pytest.mark.parametrize(("ready", "phase"), [(False, "Pending"), (True, "Running")])
def test_a_fake_node_reports_a_pod_as_a_kubelet_would(ready: bool, phase: str) -> None:
    status = pod_status(ready, "2026-01-01T00:00:00Z")
    conditions = {item["type"]: item["status"] for item in status["conditions"]}
    assert (status["phase"], conditions["PodScheduled"], conditions["Ready"]) == (phase, "True", str(ready))
    assert [item["ready"] for item in status["containerStatuses"]] == [ready]


@pytest.mark.parametrize(
    ("status", "observed", "expected"), [("True", 2, True), ("True", 1, False), ("False", 2, False)]
)
def test_a_model_is_ready_if_its_status_says_so_for_the_current_generation(
    status: str, observed: int, expected: bool
) -> None:
    conditions = [{"type": "Ready", "status": status, "observedGeneration": observed}]
    assert is_ready({"metadata": {"generation": 2}, "status": {"conditions": conditions}}) is expected


def test_a_model_without_a_status_is_not_ready() -> None:
    assert not is_ready({"metadata": {"generation": 1}})
