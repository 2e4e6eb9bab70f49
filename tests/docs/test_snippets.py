"""YAML, JSON and Python in the documentation: models are valid, values are those of the chart."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from fairlead_operator.__main__ import main
from tests.docs.blocks import ROOT, Block, all_blocks, blocks_in
from tests.docs.commands import SHELL_LANGUAGES

VALUES_SCHEMA = json.loads((ROOT / "charts" / "fairlead" / "values.schema.json").read_text())
DEFAULT_VALUES = yaml.safe_load((ROOT / "charts" / "fairlead" / "values.yaml").read_text())
# YAML without a kind is part of a model, below one of these keys: readers see which from the text around it.
PLACES: tuple[tuple[str, ...], ...] = (
    (),
    ("spec",),
    ("spec", "api"),
    ("spec", "scheduling"),
    ("spec", "model"),
)
NOT_CODE = ("", "text", "mermaid")

Validate = Callable[[Any], str]


@pytest.fixture
def validate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Validate:
    """What `fairlead validate` reports about a model; empty if it is valid."""

    def run(body: Any) -> str:
        file = tmp_path / "model.yaml"
        file.write_text(yaml.safe_dump(body))
        code = main(["validate", "-f", str(file)])
        printed = capsys.readouterr()
        return printed.out + printed.err if code else ""

    return run


def yaml_blocks() -> list[Block]:
    """The YAML blocks that no other test and no command of their page reads."""
    read = ("tested by ", "file: ")
    return [block for block in all_blocks("yaml") if not block.note.startswith(read)]


def with_defaults(model: dict[str, Any]) -> dict[str, Any]:
    """A part of a model as a whole one: what every model needs is added."""
    spec = dict(model.get("spec", {}))
    spec["model"] = {"source": "hf://Qwen/Qwen3-8B", **spec.get("model", {})}
    head = {"apiVersion": "fairlead.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": "qwen3"}}
    return {**head, **model, "spec": spec}


def at(place: tuple[str, ...], part: dict[str, Any]) -> dict[str, Any]:
    """A part of a model below the keys of a place."""
    for key in reversed(place):
        part = {key: part}
    return part


def model_problems(document: dict[str, Any], validate: Validate) -> str:
    """The problems of a model, or of a part of one that fits none of its places; "" if there are none."""
    if "kind" in document:
        return validate(document) if document["kind"] == "ModelDeployment" else ""
    reports = [validate(with_defaults(at(place, document))) for place in PLACES]
    return "" if "" in reports else "\n".join(reports)


def over(defaults: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Values over the chart's defaults, as Helm combines them: a null removes the default."""
    combined = dict(defaults)
    for name, value in values.items():
        if isinstance(value, dict) and isinstance(default := combined.get(name), dict):
            combined[name] = over(default, value)
        else:
            combined[name] = value
    return {name: value for name, value in combined.items() if value is not None}


def value_problems(values: Any) -> str:
    """What the chart's schema says against values."""
    found = jsonschema.Draft7Validator(VALUES_SCHEMA).iter_errors(over(DEFAULT_VALUES, values))
    return "\n".join(f"{error.json_path}: {error.message}" for error in found)


def documents(text: str) -> Iterator[tuple[bool, Any]]:
    """The documents of a YAML block, each with whether it shows values of the chart."""
    for part in text.split("\n---\n"):
        yield part.lstrip().startswith("# values.yaml"), yaml.safe_load(part)


def problems(block: Block, validate: Validate) -> str:
    found = (
        value_problems(item) if values else model_problems(item, validate)
        for values, item in documents(block.text)
    )
    return "\n".join(text for text in found if text)


@pytest.mark.parametrize("block", yaml_blocks(), ids=lambda block: block.place)
def test_models_and_values_in_the_documentation_are_valid(block: Block, validate: Validate) -> None:
    assert problems(block, validate) == ""


@pytest.mark.parametrize(
    ("text", "report"),
    [
        ("spec:\n  replica: 2\n", "spec.replica: Unknown field"),
        (
            "kind: ModelDeployment\napiVersion: fairlead.dev/v1alpha1\nmetadata: {name: a}\n",
            "spec: Required value",
        ),
        ("# values.yaml\noperator: {replica: 2}\n", "'replica' was unexpected"),
        ("spec: {replicas: 1}\n---\n# values.yaml, for all models\nmodel: {}\n", "'model' was unexpected"),
    ],
)
def test_an_invalid_model_and_unknown_values_are_reported(text: str, report: str, validate: Validate) -> None:
    (block,) = blocks_in(f"```yaml\n{text}```\n", "sample.md")
    assert report in problems(block, validate)


def test_json_in_the_documentation_is_well_formed() -> None:
    assert [json.loads(block.text) for block in all_blocks("json")]


def test_python_in_the_documentation_is_well_formed() -> None:
    for block in all_blocks("python"):
        ast.parse(block.text, block.place)


def test_every_block_has_a_language_that_these_tests_read() -> None:
    known = {*SHELL_LANGUAGES, *NOT_CODE, "yaml", "json", "python", "promql"}
    pages = {
        block.place: block.language
        for block in all_blocks()
        if block.language not in known and not block.noted("tested by ")
    }
    assert pages == {}
