"""What the watches have shown: names of children that may exist, and which events are no news."""

from __future__ import annotations

import pytest

from fairlead_operator.bounds import MODEL_CHILDREN
from fairlead_operator.controller.child_index import ChildIndex, WatchEvent

KEY = ("team", "tiny")
MODEL = "ModelDeployment"


def seen(kind: str = "Service", name: str = "tiny", version: str = "1", *, gone: bool = False) -> WatchEvent:
    return WatchEvent(KEY, kind, name, version, gone)


@pytest.fixture
def child_index() -> ChildIndex:
    return ChildIndex()


def test_observed_children_are_indexed_by_their_model(child_index: ChildIndex) -> None:
    child_index.record(seen(name="tiny"))
    child_index.record(seen(name="older"))
    assert child_index.children(KEY) == {("Service", "tiny"), ("Service", "older")}
    assert child_index.children(("team", "other")) == set()


def test_a_deleted_child_is_removed_from_the_index(child_index: ChildIndex) -> None:
    child_index.record(seen())
    assert child_index.record(seen(gone=True))
    assert child_index.children(KEY) == set()


def test_a_child_missing_at_a_reconcile_is_removed_from_the_index(child_index: ChildIndex) -> None:
    child_index.record(seen())
    child_index.drop(KEY, "Service", "tiny")
    child_index.drop(KEY, "Service", "tiny")
    assert child_index.children(KEY) == set()


def test_a_child_about_to_be_created_is_indexed(child_index: ChildIndex) -> None:
    child_index.expect(KEY, "LeaderWorkerSet", "tiny")
    assert child_index.children(KEY) == {("LeaderWorkerSet", "tiny")}


def test_a_pod_event_triggers_a_reconcile_but_is_not_indexed(child_index: ChildIndex) -> None:
    assert child_index.record(seen("Pod", "tiny-abc"))
    assert child_index.children(KEY) == set()


def test_the_operators_own_status_write_triggers_no_reconcile(child_index: ChildIndex) -> None:
    child_index.record_write(KEY, "7")
    assert not child_index.record(seen(MODEL, version="7"))


@pytest.mark.parametrize("version", ["6", "8"])
def test_any_other_change_of_the_model_triggers_a_reconcile(child_index: ChildIndex, version: str) -> None:
    child_index.record_write(KEY, "7")
    assert child_index.record(seen(MODEL, version=version))


def test_the_deletion_of_a_model_triggers_a_reconcile(child_index: ChildIndex) -> None:
    child_index.record_write(KEY, "7")
    assert child_index.record(seen(MODEL, version="7", gone=True))


def test_an_unowned_object_with_the_models_label_triggers_a_reconcile_but_is_not_indexed(
    child_index: ChildIndex,
) -> None:
    assert child_index.record(WatchEvent(KEY, "ConfigMap", "junk", "1", owned=False))
    assert child_index.children(KEY) == set()


def test_the_number_of_indexed_children_of_a_model_is_bounded(child_index: ChildIndex) -> None:
    for number in range(10 * MODEL_CHILDREN):
        child_index.record(seen("ConfigMap", f"junk-{number}"))
    assert len(child_index.children(KEY)) == MODEL_CHILDREN
