"""Look-ups in Kubernetes objects find what is there, and answer with nothing instead of an error."""

from __future__ import annotations

from typing import Any

from fairlead_operator.objects import (
    annotations_of,
    condition,
    condition_of,
    controller_of,
    identity,
    is_leaving,
    is_true,
    labels_of,
    live_revision,
    named,
    other_conditions,
    title,
)

Object = dict[str, Any]

READY: Object = {"type": "Ready", "status": "True"}
LATE: Object = {"type": "Progressing", "status": "False"}
POD: Object = {
    "kind": "Pod",
    "metadata": {
        "name": "one",
        "labels": {"a": "b"},
        "annotations": {"fairlead.dev/revision": "abc"},
        "deletionTimestamp": "2026-01-01T12:00:00Z",
        "ownerReferences": [{"name": "other"}, {"name": "owner", "controller": True}],
    },
    "status": {"conditions": [READY, LATE]},
}
# Nulls are what some clients store for absent fields.
EMPTY: list[Object] = [
    {"kind": "Pod", "metadata": {"name": "one"}},
    {
        "kind": "Pod",
        "metadata": {"name": "one", "labels": None, "annotations": None, "ownerReferences": None},
        "status": None,
    },
    {"kind": "Pod", "metadata": {"name": "one"}, "status": {"conditions": None}},
]


def test_a_condition_is_found_by_its_type() -> None:
    assert condition(POD["status"], "Progressing") == LATE
    assert condition_of(POD, "Ready") == READY
    assert is_true(POD, "Ready")
    assert not is_true(POD, "Progressing")


def test_other_conditions_exclude_the_given_types() -> None:
    assert other_conditions(POD["status"], {"Ready"}) == [LATE]


def test_an_item_is_found_by_its_name() -> None:
    assert named([{"name": "a"}, {"name": "b", "x": 1}, {}], "b") == {"name": "b", "x": 1}
    assert named([{"name": "a"}, {}], "b") == {}


def test_metadata_helpers_read_an_object() -> None:
    assert labels_of(POD) == {"a": "b"}
    assert live_revision(POD) == "abc"
    assert controller_of(POD) == {"name": "owner", "controller": True}
    assert is_leaving(POD)
    assert identity(POD) == ("Pod", "one")
    assert title(POD) == "Pod/one"


def test_absent_and_null_metadata_are_read_as_empty() -> None:
    for body in EMPTY:
        assert condition_of(body, "Ready") == labels_of(body) == annotations_of(body) == {}
        assert controller_of(body) == {}
        assert live_revision(body) is None
        assert not is_true(body, "Ready")
        assert not is_leaving(body)
