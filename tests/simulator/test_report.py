"""The document and its tables, made of a few real runs."""

from __future__ import annotations

import json

import pytest

from tests.simulator import report
from tests.simulator.experiments import Done, Run, Sources, perform
from tests.simulator.systems import PEERS, SYSTEMS


@pytest.fixture(scope="module")
def compared() -> list[Done]:
    """Every system at one point on the shortest workload."""
    points = {name: SYSTEMS[name].default or "17" for name in (*PEERS, "Fairlead")}
    return [perform(Run(name, point, "few-gpus", 1, 30.0), Sources()) for name, point in points.items()]


def test_the_report_is_json_with_every_run(compared: list[Done]) -> None:
    document = json.loads(json.dumps(report.document({"half": "held-out"}, compared, []), allow_nan=False))
    assert [run["system"] for run in document["runs"]] == [each.run.system for each in compared]
    assert {row["peer"] for row in document["savings"]} == set(PEERS)


def test_the_text_report_has_price_and_losses_of_every_peer(compared: list[Done]) -> None:
    text = report.text(compared, compared)
    assert all(f"| {peer} |" in text for peer in PEERS)
    ours = compared[-1].figures
    assert f"| Balanced | {ours.attainment:.1%} | {ours.gpu_hours:.1f} |" in text
    assert f"| Fairlead | few-gpus | {ours.requests} | 0 | 0 | 0 | 0 |" in text


def test_the_table_of_the_sweep_has_a_row_for_each_point(compared: list[Done]) -> None:
    assert len(report.sweep_table(compared).splitlines()) == 2 + len(compared)
