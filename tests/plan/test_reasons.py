"""The catalogue of reasons is complete and in order."""

from __future__ import annotations

import re

import pytest

from fairlead_operator.plan.findings import LONGEST_CAUSE
from fairlead_operator.plan.reason import ConditionReason
from fairlead_operator.plan.reasons import CATALOGUE, explain, is_healthy, is_stalled, rank


@pytest.mark.parametrize("reason", CATALOGUE.values(), ids=lambda reason: reason.name)
def test_a_reason_is_a_word_with_a_meaning_and_a_remedy(reason: ConditionReason) -> None:
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


def test_a_crash_that_may_pass_needs_a_human_when_it_is_repeated() -> None:
    assert (is_stalled("EngineCrashed"), is_stalled("EngineCrashed", repeated=True)) == (False, True)
    assert not is_stalled("WeightsRateLimited", repeated=True)


@pytest.mark.parametrize("reason", CATALOGUE.values(), ids=lambda reason: reason.name)
def test_the_longest_cause_and_its_remedy_fit_into_an_event(reason: ConditionReason) -> None:
    assert len(explain(reason.name, "x" * (LONGEST_CAUSE + 80))) <= 1024


def test_a_message_says_what_to_do_unless_all_is_well() -> None:
    assert explain("CompilerMissing", "no g++.").startswith("no g++. Add --enforce-eager")
    assert explain("MoonPhase", "wrong moon").startswith("wrong moon. See ")
    assert explain("Ready", "1 of 1 replicas ready") == "1 of 1 replicas ready"
