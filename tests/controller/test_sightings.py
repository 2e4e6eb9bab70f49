"""What the watches have shown: names of children that may exist, and which events are no news."""

from __future__ import annotations

import pytest

from fairlead_operator.bounds import MODEL_CHILDREN
from fairlead_operator.controller.sightings import Sighting, Sightings

KEY = ("team", "tiny")
MODEL = "ModelDeployment"


def seen(kind: str = "Service", name: str = "tiny", version: str = "1", *, gone: bool = False) -> Sighting:
    return Sighting(KEY, kind, name, version, gone)


@pytest.fixture
def sightings() -> Sightings:
    return Sightings()


def test_children_that_were_seen_are_remembered_for_their_model(sightings: Sightings) -> None:
    sightings.note(seen(name="tiny"))
    sightings.note(seen(name="older"))
    assert sightings.children(KEY) == {("Service", "tiny"), ("Service", "older")}
    assert sightings.children(("team", "other")) == set()


def test_a_child_that_went_is_forgotten(sightings: Sightings) -> None:
    sightings.note(seen())
    assert sightings.note(seen(gone=True))
    assert sightings.children(KEY) == set()


def test_a_child_that_a_look_did_not_find_is_forgotten(sightings: Sightings) -> None:
    sightings.note(seen())
    sightings.drop(KEY, "Service", "tiny")
    sightings.drop(KEY, "Service", "tiny")
    assert sightings.children(KEY) == set()


def test_a_child_that_is_about_to_be_counts_as_seen(sightings: Sightings) -> None:
    sightings.expect(KEY, "LeaderWorkerSet", "tiny")
    assert sightings.children(KEY) == {("LeaderWorkerSet", "tiny")}


def test_pods_are_news_and_no_children(sightings: Sightings) -> None:
    assert sightings.note(seen("Pod", "tiny-abc"))
    assert sightings.children(KEY) == set()


def test_our_own_report_coming_back_is_no_news(sightings: Sightings) -> None:
    sightings.wrote(KEY, "7")
    assert not sightings.note(seen(MODEL, version="7"))


@pytest.mark.parametrize("version", ["6", "8"])
def test_any_other_change_of_the_model_is_news(sightings: Sightings, version: str) -> None:
    sightings.wrote(KEY, "7")
    assert sightings.note(seen(MODEL, version=version))


def test_the_end_of_a_model_is_news(sightings: Sightings) -> None:
    sightings.wrote(KEY, "7")
    assert sightings.note(seen(MODEL, version="7", gone=True))


def test_an_object_that_only_has_the_models_label_is_news_and_no_child(sightings: Sightings) -> None:
    assert sightings.note(Sighting(KEY, "ConfigMap", "junk", "1", owned=False))
    assert sightings.children(KEY) == set()


def test_a_model_has_a_bounded_number_of_children(sightings: Sightings) -> None:
    for number in range(10 * MODEL_CHILDREN):
        sightings.note(seen("ConfigMap", f"junk-{number}"))
    assert len(sightings.children(KEY)) == MODEL_CHILDREN
