"""Replicas by the clock."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from fairlead_operator.autoscale.schedules import Schedules, problem
from fairlead_operator.autoscale.settings import ReplicaSchedule
from tests.autoscale.builders import Model

WORK = ReplicaSchedule("0 8 * * 1-5", "0 18 * * 1-5", 3, "Europe/Berlin")


def at(text: str, zone: str = "Europe/Berlin") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("moment", "floor"),
    [
        ("2026-11-20T07:59:59", 0),
        ("2026-11-20T08:00:00", 3),
        ("2026-11-20T17:59:59", 3),
        ("2026-11-20T18:00:00", 0),
        ("2026-11-21T12:00:00", 0),
        ("2026-07-20T08:00:00", 3),
    ],
)
def test_a_schedule_applies_from_its_start_to_its_end_in_its_time_zone(moment: str, floor: int) -> None:
    assert Schedules((WORK,)).floor(at(moment)) == floor


def test_a_schedule_across_midnight_applies_on_both_days() -> None:
    night = Schedules((ReplicaSchedule("0 22 * * *", "0 6 * * *", 2),))
    floors = [night.floor(at(f"2026-11-20T{hour}", "UTC")) for hour in ("21:59", "23:00", "05:59", "06:00")]
    assert floors == [0, 2, 2, 0]


def test_of_several_schedules_the_highest_floor_applies() -> None:
    lunch = ReplicaSchedule("0 12 * * *", "0 13 * * *", 5, "Europe/Berlin")
    both = Schedules((WORK, lunch))
    assert both.floor(at("2026-11-20T12:30:00")) == 5
    assert both.floor(at("2026-11-20T13:30:00")) == 3


def test_a_schedule_boundary_between_two_decisions_is_not_missed() -> None:
    schedules = Schedules((WORK,))
    begin = at("2026-11-20T07:59:00")
    floors = [schedules.floor(begin + second) for second in range(0, 120, 7)]
    assert floors == [0 if second < 60 else 3 for second in range(0, 120, 7)]


@pytest.mark.parametrize(
    ("schedule", "word"),
    [
        (ReplicaSchedule("0 8 * * 1-5", "0 18 * * 1-5", 1, "Europe/Nowhere"), "time zone"),
        (ReplicaSchedule("0 25 * * *", "0 18 * * *", 1), "'0 25 * * *'"),
        (ReplicaSchedule("0 8 * * *", "0 8 30 2 *", 1), "'0 8 30 2 *'"),
    ],
)
def test_an_invalid_schedule_is_reported_and_ignored(schedule: ReplicaSchedule, word: str) -> None:
    assert word in (problem(schedule) or "")
    assert Schedules((schedule,)).floor(at("2026-11-20T12:00:00")) == 0
    assert problem(WORK) is None


def test_the_schedule_floor_is_a_minimum_of_the_decision() -> None:
    model = Model(replicas=0, started=at("2026-11-20T07:58:00"), schedules=(WORK,), unschedulable_pods=9)
    assert model.see().replicas == 0
    decision = model.see(after=180)
    assert (decision.replicas, decision.reason) == (3, "MinReplicas")
    assert (
        Model(replicas=0, started=at("2026-11-20T09:00"), schedules=(WORK,), max_replicas=2)
        .see()
        .inputs["least"]
        == 2
    )
