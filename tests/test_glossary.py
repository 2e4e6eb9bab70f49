"""Every module that the glossary and the design records name exists: a renamed one is corrected there too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = [
    ROOT / "operator" / "fairlead_operator",
    *(
        ROOT / "serving-image" / name
        for name in ("fairlead_contract", "fairlead_gateway", "fairlead_weights", "fairlead_launcher", "")
    ),
    *(ROOT, ROOT / "tests" / "gateway"),
]
PAGES = [ROOT / "docs" / "glossary.md", *sorted((ROOT / "docs" / "design").glob("*.md"))]
_MODULE = re.compile(r"`((?:[a-z_]+/)*[a-z_]+(?:\.py|/))`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_module_named_in_the_glossary_exists(page: Path) -> None:
    named = set(_MODULE.findall(page.read_text()))
    assert [name for name in sorted(named) if not any((base / name).exists() for base in PACKAGES)] == []
