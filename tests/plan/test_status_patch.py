"""What is written of a status: the operator's own part, and nothing of anybody else."""

from __future__ import annotations

from typing import Any

from fairlead_operator.plan.status.patch import OWN_CONDITIONS, status_change
from tests.plan.builders import PlannedNamespace, condition, model_body

READY = condition("Ready", "True", reason="Ready")
THEIRS = condition("policy.example/Approved", "True", reason="Approved")


def change(stored: dict[str, Any], planned: dict[str, Any]) -> dict[str, Any]:
    return status_change(stored, planned)


def test_equal_statuses_need_no_write() -> None:
    assert change({"replicas": 1, "conditions": [READY]}, {"replicas": 1, "conditions": [READY]}) == {}


def test_a_status_patch_has_only_the_differences() -> None:
    assert change({"replicas": 1, "url": "u"}, {"replicas": 2, "url": "u"}) == {"replicas": 2}


def test_an_own_field_that_is_no_longer_planned_is_removed() -> None:
    assert change({"startup": {"pod": "a"}, "url": "u"}, {"url": "u"}) == {"startup": None}


def test_a_field_that_this_version_does_not_know_stays() -> None:
    assert change({"cost": {"perHour": 3}, "url": "u"}, {"url": "u"}) == {}


def test_an_unknown_field_inside_a_known_one_stays() -> None:
    stored = {"startup": {"pod": "a", "totalSeconds": 5, "warmUpSeconds": 2}}
    assert change(stored, {"startup": {"pod": "a", "totalSeconds": 5}}) == {}
    assert change(stored, {"startup": {"pod": "b"}}) == {"startup": {"pod": "b", "totalSeconds": None}}


def test_conditions_of_other_writers_are_kept() -> None:
    waiting = condition("Ready", "False", reason="Progressing")
    stored = {"conditions": [THEIRS, waiting]}
    assert change(stored, {"conditions": [READY]}) == {"conditions": [READY, THEIRS]}
    assert change({"conditions": [READY, THEIRS]}, {"conditions": [READY]}) == {}


def test_an_own_condition_that_is_no_longer_planned_is_removed() -> None:
    stored = {"conditions": [READY, condition("WeightsReady", "True", reason="Complete")]}
    assert change(stored, {"conditions": [READY]}) == {"conditions": [READY]}


def test_every_planned_condition_type_is_known_as_own() -> None:
    world = PlannedNamespace(model_body())
    world.reconcile()
    assert {item["type"] for item in world.body["status"]["conditions"]} <= OWN_CONDITIONS
