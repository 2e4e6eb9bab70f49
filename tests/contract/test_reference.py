"""The generated files are what the tables say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairlead_gateway.contract.dialects import DIALECTS
from fairlead_gateway.contract.parameters import PARAMETERS, ApiKind
from fairlead_gateway.contract.reference import markdown, parameters_json

ROOT = Path(__file__).resolve().parents[2]


def test_the_reference_page_is_current() -> None:
    assert (ROOT / "docs/reference/parameters.md").read_text() == markdown()


def test_the_operators_table_is_current() -> None:
    assert (ROOT / "operator/fairlead_operator/api/parameters.json").read_text() == parameters_json()


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.name)
def test_the_page_has_every_parameter_of_every_document(dialect: object) -> None:
    section = markdown().split(f"`dialect: {dialect.name}`")[1].split("\n## ")[0]  # type: ignore[attr-defined]

    for document in dialect.documents:  # type: ignore[attr-defined]
        assert f"### {document.title}" in section
        for entry in document.parameters:
            assert f"| `{entry.name}`" in section


@pytest.mark.parametrize("api", ApiKind)
def test_the_operators_table_has_every_parameter(api: ApiKind) -> None:
    table = json.loads(parameters_json())

    assert next(iter(table)) == "generated_by"
    for dialect in DIALECTS:
        assert set(table["dialects"][dialect][api]) == set(PARAMETERS[api])


def test_a_documents_range_is_in_the_operators_table() -> None:
    table = json.loads(parameters_json())["dialects"]

    assert table["PolarGrid"]["chat"]["max_tokens"]["schema"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 4096,
    }
    assert table["PolarGrid"]["chat"]["max_tokens"]["settable"]
    assert not table["OpenAI"]["chat"]["model"]["settable"]
