"""The generated files are what the tables say."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead_contract.dialects import DIALECTS
from fairlead_contract.parameters import PARAMETERS, ApiKind
from fairlead_gateway.contract.reference import markdown
from fairlead_operator.api.parameters import TABLES

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_parameter_reference_is_current() -> None:
    assert (ROOT / "docs/reference/parameters.md").read_text() == markdown()


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.name)
def test_the_parameter_reference_has_every_parameter_of_every_dialect(dialect: object) -> None:
    section = markdown().split(f"`dialect: {dialect.name}`")[1].split("\n## ")[0]  # type: ignore[attr-defined]

    for document in dialect.documents:  # type: ignore[attr-defined]
        assert f"### {document.title}" in section
        for entry in document.parameters:
            assert f"| `{entry.name}`" in section


@pytest.mark.parametrize("api", ApiKind)
def test_the_parameter_table_of_the_operator_has_every_parameter(api: ApiKind) -> None:
    for dialect in DIALECTS:
        assert set(TABLES[dialect][api]) == set(PARAMETERS[api])


def test_the_parameter_table_of_the_operator_has_the_dialects_ranges() -> None:
    max_tokens = TABLES["PolarGrid"][ApiKind.CHAT]["max_tokens"]

    assert max_tokens.kind.schema() == {"type": "integer", "minimum": 1, "maximum": 4096}
    assert max_tokens.settable
    assert not TABLES["OpenAI"][ApiKind.CHAT]["model"].settable
