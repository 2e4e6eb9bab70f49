"""The generated files are what the tables say."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead_contract.dialects import DIALECTS
from fairlead_gateway.contract.reference import markdown

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
