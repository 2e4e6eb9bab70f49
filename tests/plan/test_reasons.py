"""The catalogue of reasons is complete and in order."""

from __future__ import annotations

import re

import pytest

from fairlead_operator.plan.reasons import CATALOGUE, Reason, is_healthy, is_stalled, rank


@pytest.mark.parametrize("reason", CATALOGUE.values(), ids=lambda reason: reason.name)
def test_a_reason_is_a_word_with_a_meaning_and_a_remedy(reason: Reason) -> None:
    assert re.fullmatch(r"[A-Z][A-Za-z]+", reason.name)
    assert reason.meaning.endswith(".")
    assert reason.remedy.endswith(".")
    assert not (reason.stalled and reason.healthy)


def test_causes_go_before_progress_and_progress_before_wellbeing() -> None:
    assert rank("ContextTooLong") < rank("EngineStarting") < rank("Ready")


def test_a_reason_from_outside_counts_as_a_crash_that_may_pass() -> None:
    assert rank("MoonPhase") == rank("EngineCrashed")
    assert not is_stalled("MoonPhase")
    assert not is_healthy("MoonPhase")
