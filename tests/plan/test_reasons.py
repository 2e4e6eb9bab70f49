"""The catalogue of reasons is complete and in order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import fairlead_weights
from fairlead_operator.plan.catalogue.reason import ConditionReason
from fairlead_operator.plan.catalogue.reasons import CATALOGUE, explain, is_healthy, is_stalled, rank
from fairlead_operator.plan.findings import LONGEST_CAUSE


@pytest.mark.parametrize("reason", CATALOGUE.values(), ids=lambda reason: reason.name)
def test_every_reason_is_camel_case_with_a_meaning_and_a_remedy(reason: ConditionReason) -> None:
    assert re.fullmatch(r"[A-Z][A-Za-z]+", reason.name)
    assert reason.meaning.endswith(".")
    assert reason.remedy.endswith(".")
    assert not (reason.stalled and reason.healthy)


def test_reasons_rank_causes_before_progress_and_progress_before_ready() -> None:
    assert rank("ContextTooLong") < rank("EngineStarting") < rank("Ready")


def test_an_unknown_reason_counts_as_a_transient_crash() -> None:
    assert rank("MoonPhase") == rank("EngineCrashed")
    assert not is_stalled("MoonPhase")
    assert not is_healthy("MoonPhase")


def test_a_repeated_transient_crash_needs_a_human() -> None:
    assert (is_stalled("EngineCrashed"), is_stalled("EngineCrashed", repeated=True)) == (False, True)
    assert not is_stalled("WeightsRateLimited", repeated=True)


@pytest.mark.parametrize("reason", CATALOGUE.values(), ids=lambda reason: reason.name)
def test_the_longest_cause_and_its_remedy_fit_into_an_event(reason: ConditionReason) -> None:
    assert len(explain(reason.name, "x" * (LONGEST_CAUSE + 80))) <= 1024


def test_every_message_has_a_remedy_unless_the_model_is_healthy() -> None:
    assert explain("CompilerMissing", "no g++.").startswith("no g++. Add --enforce-eager")
    assert explain("MoonPhase", "wrong moon").startswith("wrong moon. See ")
    assert explain("Ready", "1 of 1 replicas ready") == "1 of 1 replicas ready"


def test_every_download_reason_is_in_the_operators_catalogue() -> None:
    source = "\n".join(path.read_text() for path in Path(fairlead_weights.__file__).parent.glob("*.py"))
    reasons = set(re.findall(r'"((?:Weights|Cache|Disk)[A-Z][A-Za-z]+)"', source))
    assert {"WeightsUnauthorized", "DiskFull", "CacheNotWritable"} <= reasons
    assert reasons <= CATALOGUE.keys()
