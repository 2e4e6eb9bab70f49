"""The comparison: frontiers, prices at equal attainment and aims, by hand."""

from __future__ import annotations

import pytest

from tests.simulator.comparison import Point, frontier, price, savings
from tests.simulator.plot import plot
from tests.simulator.report import aims
from tests.simulator.systems import OURS, PEERS, SYSTEMS


def point(
    system: str, name: str, attainment: float, hours: float, *, waiting: int = 0, lost: int = 0
) -> Point:
    """A point with cold starts of 30 s."""
    return Point(system, name, 30.0, attainment, 0.01, hours, 0.1, lost, 5.0, 2.0, waiting)


KNATIVE = [
    point("Knative", "6", 0.95, 100.0),
    point("Knative", "10", 0.90, 60.0),
    point("Knative", "17", 0.70, 62.0),  # dearer and worse than the one before
    point("Knative", "28", 0.60, 20.0),
]


def test_the_frontier_omits_points_that_cost_more_and_attain_less() -> None:
    assert [each.point for each in frontier(KNATIVE)] == ["28", "10", "6"]


@pytest.mark.parametrize(
    ("attainment", "expected"),
    [
        (0.90, (60.0, True)),
        (0.75, (40.0, True)),  # halfway between 20 and 60
        (0.50, (20.0, True)),  # nothing cheaper is to be had
        (0.96, (100.0, False)),
    ],
)
def test_the_price_of_an_attainment_is_interpolated_on_a_peers_frontier(
    attainment: float, expected: tuple[float, bool]
) -> None:
    hours, reached = price(KNATIVE, attainment)
    assert hours == pytest.approx(expected[0])
    assert reached is expected[1]


def all_systems(ours: float) -> list[Point]:
    """Each peer attains 0.9 for 40 GPU hours; ours attains it for so many."""
    peers = [point(peer, SYSTEMS[peer].sweep[0], 0.9, 40.0) for peer in PEERS]
    return [point(OURS, "Balanced", 0.9, ours, waiting=1), *peers]


@pytest.mark.parametrize(("ours", "met"), [(30.0, True), (30.1, False)])
def test_the_aim_is_met_at_a_quarter_fewer_gpu_hours_than_every_peer(ours: float, met: bool) -> None:
    found = all_systems(ours)
    rows = aims(found, savings(found))
    assert [row["met"] for row in rows] == [met, met, True, True]


def test_a_lost_request_fails_the_aim() -> None:
    found = [*all_systems(30.0), point(OURS, "Cost", 0.9, 30.0, lost=1)]
    assert [row["met"] for row in aims(found, savings(found))] == [True, True, False, True]


def test_the_plot_has_a_line_and_a_name_for_each_system() -> None:
    svg = plot(all_systems(30.0))
    assert svg.count("<polyline") == len(SYSTEMS)
    assert all(f">{name}</text>" in svg for name in (OURS, *PEERS))
