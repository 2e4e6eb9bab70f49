"""The rules of the chart: promtool accepts them, alerts fire when they should and have what on-call needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.monitoring.programs import ROOT, RULES, Object, promtool
from tests.test_links import anchors

CASES = Path(__file__).with_name("rules_test.yaml")
RUNBOOKS = ROOT / "docs" / "runbooks.md"
_NAME = re.compile(r'alertname="(\w+)"')
_LEVEL = re.compile(r"namespace_model:\w+:\w+")


def all_rules(kind: str) -> list[Object]:
    """The rules of a kind, `alert` or `record`."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def case_names(*, firing: bool) -> set[str]:
    """The alerts that have a case in which they fire, or one in which they do not."""
    checks = [
        check for case in yaml.safe_load(CASES.read_text())["tests"] for check in case["promql_expr_test"]
    ]
    return {_NAME.findall(check["expr"])[0] for check in checks if bool(check["exp_samples"]) == firing}


ALERTS = {rule["alert"]: rule for rule in all_rules("alert")}


def test_promtool_accepts_the_rules() -> None:
    done = promtool("check", "rules", RULES)
    assert done.returncode == 0, done.stderr
    assert f"{len(ALERTS) + len(all_rules('record'))} rules found" in done.stdout


def test_alerts_fire_in_the_cases_where_they_should_and_in_no_other() -> None:
    done = promtool("test", "rules", CASES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("firing", [True, False])
def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(firing: bool) -> None:
    assert case_names(firing=firing) == ALERTS.keys()


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_severe_it_is_what_is_wrong_and_what_to_do(name: str) -> None:
    alert = ALERTS[name]
    assert name.startswith("Fairlead")
    assert alert["labels"]["severity"] in ("critical", "warning", "info")
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert page == "https://github.com/fairlead-dev/fairlead/blob/main/docs/runbooks.md"
    assert anchor == name.lower()
    assert anchor in anchors(RUNBOOKS.read_text())


def test_the_page_of_runbooks_has_no_section_of_an_alert_that_is_gone() -> None:
    sections = re.findall(r"^## (Fairlead\w+)$", RUNBOOKS.read_text(), re.MULTILINE)
    assert sections == list(ALERTS)


def test_alerts_use_no_recording_rule_that_does_not_exist() -> None:
    used = {name for alert in ALERTS.values() for name in _LEVEL.findall(alert["expr"])}
    assert used <= {rule["record"] for rule in all_rules("record")}
