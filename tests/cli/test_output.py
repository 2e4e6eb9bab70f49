"""What commands print for programs, and colours for people."""

from __future__ import annotations

import io
import json

import pytest
import yaml

from fairlead_operator.cli.output import painter, structured, table
from fairlead_operator.cli.report import ModelFacts, highlighted, report, report_document
from fairlead_operator.plan.findings import Finding
from tests.cli.conftest import Run, Write
from tests.cli.test_report import BODY, status
from tests.cli.test_validate import GOOD
from tests.plan.builders import NOW, pod, pod_report


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def usual_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_validate_prints_one_document_for_programs(fairlead: Run, write: Write) -> None:
    good, bad = write(GOOD), write(f"{GOOD}  engine:\n    dtype: bfloat16\n", "bad.yaml")
    code, out, err = fairlead("validate", "-f", good, "-f", bad, "-o", "json")
    assert (code, err) == (1, "")
    message = 'spec.engine.dtype: Unsupported value: "bfloat16"; did you mean BFloat16?'
    model = {"document": 1, "line": 1, "name": "tiny", "warnings": []}
    assert json.loads(out) == {
        "valid": False,
        "models": [
            {"file": good, **model, "valid": True, "problems": []},
            {
                "file": bad,
                **model,
                "valid": False,
                "problems": [{"line": 9, "field": "spec.engine.dtype", "message": message}],
            },
        ],
    }


def test_yaml_has_the_same_document_as_json(fairlead: Run, write: Write) -> None:
    file = write(f"{GOOD}  podTemplate: {{spec: {{frobnication: 1}}}}\n")
    _, as_json, _ = fairlead("validate", "-f", file, "--output", "json")
    code, as_yaml, _ = fairlead("validate", "-f", file, "--output", "yaml")
    document = yaml.safe_load(as_yaml)
    assert (code, document) == (0, json.loads(as_json))
    (warning,) = document["models"][0]["warnings"]
    assert (warning["line"], warning["field"]) == (8, "spec.podTemplate.spec.frobnication")


def test_a_document_that_is_no_object_has_no_name(fairlead: Run, write: Write) -> None:
    code, out, _ = fairlead("validate", "-f", write("- a\n"), "-o", "json")
    (model,) = json.loads(out)["models"]
    assert (code, model["name"], model["problems"][0]["field"]) == (1, None, "")


def test_render_prints_a_list_that_kubectl_takes(fairlead: Run, write: Write) -> None:
    file = write(GOOD)
    _, as_yaml, _ = fairlead("render", "-f", file)
    code, as_json, _ = fairlead("render", "-f", file, "-o", "json")
    document = json.loads(as_json)
    assert (code, document["apiVersion"], document["kind"]) == (0, "v1", "List")
    assert document["items"] == list(yaml.safe_load_all(as_yaml))


def test_explain_has_the_facts_of_its_report_for_programs() -> None:
    facts = ModelFacts(
        body=BODY,
        status=status("InsufficientResources", "no room"),
        pods=(pod("tiny-2", unschedulable="no"), pod("tiny-1", ready=True)),
        causes={"tiny-2": Finding("InsufficientResources", "no gpu")},
        reports={"tiny-1": pod_report(2, queued=1)},
        next_step="nothing is to be changed.",
        notes=("Events could not be read",),
    )
    document = report_document(facts)
    assert {key: document[key] for key in ("namespace", "name", "ready", "reason", "stalled")} == {
        "namespace": "demo",
        "name": "tiny",
        "ready": False,
        "reason": "InsufficientResources",
        "stalled": False,
    }
    first, second = document["pods"]
    assert (first["name"], first["state"], first["requestsInFlight"], first["requestsQueued"]) == (
        "tiny-1",
        "Ready",
        2,
        1,
    )
    assert (second["reason"], second["message"], second["requestsInFlight"]) == (
        "InsufficientResources",
        "no gpu",
        None,
    )
    assert (document["next"], document["notes"]) == (
        "nothing is to be changed.",
        ["Events could not be read"],
    )
    assert json.loads(structured(document, "json")) == document


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_a_document_cannot_control_the_terminal(form: str) -> None:
    text = structured({"message": "\x1b[2J\x9b1m\u202ex"}, form)
    assert not {"\x1b", "\x9b", "\u202e"} & set(text)


def test_colours_are_only_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    assert painter(Terminal())("valid", "good") == "\x1b[32mvalid\x1b[0m"
    assert painter(io.StringIO())("valid", "good") == "valid"
    monkeypatch.setenv("TERM", "dumb")
    assert painter(Terminal())("valid", "good") == "valid"


def test_there_are_no_colours_with_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert painter(Terminal())("valid", "good") == "valid"


def test_validate_has_colours_on_a_terminal(
    fairlead: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, screen = write(GOOD), Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    fairlead("validate", "-f", file)
    assert screen.getvalue().endswith(": \x1b[32mvalid\x1b[0m\n")


def test_a_report_in_colours_has_the_same_text() -> None:
    text = report(ModelFacts(BODY, status("Downloading", "9 %"), pods=(pod("tiny-1"),)), NOW)
    shown = highlighted(text, painter(Terminal()))
    assert "\x1b[31mNot ready: Downloading\x1b[0m" in shown
    assert "\x1b[1mPODS\x1b[0m\n" in shown
    for code in ("\x1b[31m", "\x1b[1m", "\x1b[0m"):
        shown = shown.replace(code, "")
    assert shown == text


def test_columns_are_as_wide_as_their_longest_cell() -> None:
    assert table(("A", "B", "C"), [("long", "x", "last is free"), ("s", "yy", "")]) == [
        "A     B   C",
        "long  x   last is free",
        "s     yy  ",
    ]
