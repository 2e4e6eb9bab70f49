"""The page of bounds is what the source says."""

from __future__ import annotations

import ast
import runpy

import pytest

from tests.support.engine import REPOSITORY

PAGE = REPOSITORY / "docs" / "reference" / "bounds.md"
SCRIPT = runpy.run_path(str(REPOSITORY / "docs" / "make_bounds.py"))


def test_the_committed_bounds_page_is_current() -> None:
    assert PAGE.read_text() == SCRIPT["page"](), "run `make generate`"


@pytest.mark.parametrize("path", SCRIPT["MODULES"].values())
def test_every_bound_is_on_the_bounds_page_with_its_consequence(path: str) -> None:
    page = PAGE.read_text()
    for node in ast.parse((REPOSITORY / path).read_text()).body:
        if isinstance(node, ast.Assign):
            (target,) = node.targets
            assert isinstance(target, ast.Name)
            row = next((line for line in page.splitlines() if f"`{target.id}`:" in line), "")
            assert len(row.split("|")) == 4, target.id
            assert row.split("|")[2].strip(), f"{target.id} has no comment"
