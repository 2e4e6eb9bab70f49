"""docs/cli.md has every command and option, and its examples are what the commands print."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import pytest
import yaml

from fairlead_operator.cli.parser import parser
from tests.cli.conftest import Run, Write

PAGE = (Path(__file__).resolve().parents[2] / "docs/cli.md").read_text()
SECTIONS = dict(re.findall(r"^## `fairlead (\w+)`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def commands() -> dict[str, argparse.ArgumentParser]:
    """The parsers of all commands by their names."""
    (action,) = (item for item in parser()._actions if isinstance(item, argparse._SubParsersAction))
    return dict(action.choices)


def block(command: str, kind: str) -> str:
    """The first block of code of a kind in the section of a command."""
    found = re.search(rf"^```{kind}\n(.*?)^```", SECTIONS[command], re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_is_in_the_table(command: str) -> None:
    assert re.search(rf"^\| \[?`{command}`", PAGE, re.MULTILINE)


@pytest.mark.parametrize("command", sorted(SECTIONS.keys() & commands().keys()))
def test_every_option_of_a_command_is_in_its_section(command: str) -> None:
    options = [action.option_strings for action in commands()[command]._actions if action.option_strings]
    text = SECTIONS[command]
    missing = [names for names in options if not any(re.search(rf"{name}\b", text) for name in names)]
    assert missing == [["-h", "--help"]]


def test_the_manifest_of_init_is_as_shown_but_for_its_comments(fairlead: Run) -> None:
    _, out, _ = fairlead("init", "--model", "hf://Qwen/Qwen3-0.6B", "--output", "-")
    lines = [line for line in out.splitlines() if not line.lstrip().startswith("#")]
    assert block("init", "yaml").splitlines() == lines


def test_the_problems_of_validate_are_as_shown(fairlead: Run, write: Write) -> None:
    file = write(block("validate", "yaml"))
    _, out, _ = fairlead("validate", "-f", file)
    shown = block("validate", "console").splitlines()
    assert shown == ["$ fairlead validate -f model.yaml", *out.splitlines()]


def test_the_keys_of_bench_are_those_of_its_document() -> None:
    from fairlead_operator.cli.bench_statistics import Load, Sample, summarize

    step = summarize(Load(rate=1.0), [Sample(0.0, 1.0, (1.0,), 1, 1)]).document()
    assert all(f"`{key}`" in SECTIONS["bench"] for key in step)


def test_the_document_of_validate_has_the_keys_that_are_shown(fairlead: Run, write: Write) -> None:
    _, out, _ = fairlead("validate", "-f", write(block("validate", "yaml")), "-o", "json")
    shown = re.search(r"-o json\n(\{.*?^\})", SECTIONS["validate"], re.MULTILINE | re.DOTALL)
    assert shown
    documented, real = json.loads(shown[1]), json.loads(out)
    assert documented.keys() == real.keys()
    assert documented["models"][0]["problems"][0] == real["models"][0]["problems"][0]
    assert documented["models"][0].keys() == real["models"][0].keys()
    assert yaml.safe_load(out) == real
