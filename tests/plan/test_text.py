"""Text from outside: bounded before anything is searched in it, and safe to show."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fairlead_operator.bounds import TEXT_CHARACTERS
from fairlead_operator.plan.findings import LONGEST_CAUSE, creation_finding, steady
from fairlead_operator.plan.pods.containers import engine_finding
from fairlead_operator.plan.pods.volume_failures import volume_finding
from fairlead_operator.plan.scheduling.unschedulable import scheduling_finding
from fairlead_operator.plan.text import clean
from tests.plan.builders import creating, ended, mount_event, pod, waiting

MEGABYTE = 1 << 20


def test_a_text_above_the_length_limit_is_cut() -> None:
    assert len(clean("x" * MEGABYTE)) == TEXT_CHARACTERS
    assert clean("x" * 100, 10) == "x" * 10


@pytest.mark.parametrize("value", [None, 5, True, ["x"], {"x": 1}, b"x"])
def test_a_value_that_is_not_a_string_becomes_an_empty_text(value: object) -> None:
    assert clean(value) == ""


def test_newlines_and_tabs_stay_and_control_characters_are_removed() -> None:
    assert clean("a\tb\nc\r\x00\x1b[2J\x9b\u202e\ud800é模型") == "a\tb\nc[2Jé模型"


PADDING = "x" * MEGABYTE
READERS: list[tuple[Callable[[str], object], str]] = [
    (steady, f'pods "{PADDING}" is forbidden: no'),
    (creation_finding, f"{PADDING} exceeded quota"),
    (lambda text: scheduling_finding(pod(unschedulable=text)), f"{PADDING} Insufficient cpu"),
    (lambda text: engine_finding(pod(engine={"state": ended(text)})), f'{PADDING}{{"reason": "DiskFull"}}'),
    (lambda text: engine_finding(pod(engine=waiting("ErrImagePull", text))), f"{PADDING} unauthorized"),
    (lambda text: engine_finding(pod(phase="Failed", reason="Evicted", message=text)), f"{PADDING} inodes"),
    (lambda text: volume_finding(creating(), (mount_event(text),)), f'{PADDING} secret "a" not found'),
]


@pytest.mark.parametrize(("read", "text"), READERS)
def test_texts_are_searched_only_up_to_the_length_limit(read: Callable[[str], object], text: str) -> None:
    assert read(text) == read(text[:TEXT_CHARACTERS])


@pytest.mark.parametrize(("read", "text"), READERS)
def test_a_condition_message_is_bounded_whatever_the_cause_contains(
    read: Callable[[str], object], text: str
) -> None:
    found = read(text)
    message = found if isinstance(found, str) else getattr(found, "message", "")
    assert 0 < len(message) < LONGEST_CAUSE + 200
