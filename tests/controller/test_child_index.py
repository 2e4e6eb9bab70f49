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


def test_children_that_were_seen_are_remembered_for_their_model(child_index: ChildIndex) -> None:
    child_index.note(seen(name="tiny"))
    child_index.note(seen(name="older"))
    assert child_index.children(KEY) == {("Service", "tiny"), ("Service", "older")}
    assert child_index.children(("team", "other")) == set()


def test_a_child_that_went_is_forgotten(child_index: ChildIndex) -> None:
    child_index.note(seen())
    assert child_index.note(seen(gone=True))
    assert child_index.children(KEY) == set()


def test_a_child_that_a_look_did_not_find_is_forgotten(child_index: ChildIndex) -> None:
    child_index.note(seen())
    child_index.drop(KEY, "Service", "tiny")
    child_index.drop(KEY, "Service", "tiny")
    assert child_index.children(KEY) == set()


def test_a_child_that_is_about_to_be_counts_as_seen(child_index: ChildIndex) -> None:
    child_index.expect(KEY, "LeaderWorkerSet", "tiny")
    assert child_index.children(KEY) == {("LeaderWorkerSet", "tiny")}


def test_pods_are_news_and_no_children(child_index: ChildIndex) -> None:
    assert child_index.note(seen("Pod", "tiny-abc"))
    assert child_index.children(KEY) == set()


def test_our_own_report_coming_back_is_no_news(child_index: ChildIndex) -> None:
    child_index.wrote(KEY, "7")
    assert not child_index.note(seen(MODEL, version="7"))


@pytest.mark.parametrize("version", ["6", "8"])
def test_any_other_change_of_the_model_is_news(child_index: ChildIndex, version: str) -> None:
    child_index.wrote(KEY, "7")
    assert child_index.note(seen(MODEL, version=version))


def test_the_end_of_a_model_is_news(child_index: ChildIndex) -> None:
    child_index.wrote(KEY, "7")
    assert child_index.note(seen(MODEL, version="7", gone=True))


def test_an_object_that_only_has_the_models_label_is_news_and_no_child(child_index: ChildIndex) -> None:
    assert child_index.note(WatchEvent(KEY, "ConfigMap", "junk", "1", owned=False))
    assert child_index.children(KEY) == set()


def test_a_model_has_a_bounded_number_of_children(child_index: ChildIndex) -> None:
    for number in range(10 * MODEL_CHILDREN):
        child_index.note(seen("ConfigMap", f"junk-{number}"))
    assert len(child_index.children(KEY)) == MODEL_CHILDREN
