"""Every relative link in the documentation leads to a file, and every anchor to a heading of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^ *(```|~~~).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_HEADING = re.compile(r"^#{1,6} +(.*?) *#*$", re.MULTILINE)
_ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:|^//")


def links(text: str) -> Iterator[str]:
    """The targets of the links in a page that are not in another place of the web."""
    prose = _CODE.sub("", _FENCE.sub("", text))
    return (target for target in _LINK.findall(prose) if not _ELSEWHERE.match(target))


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def problem(page: Path, target: str) -> str | None:
    """Why a link leads nowhere, or None."""
    place, _, anchor = unquote(target).partition("#")
    file = (page.parent / place).resolve() if place else page
    if not file.exists():
        return f"{target}: there is no {place}"
    if ROOT not in (file, *file.parents):
        return f"{target}: leaves the repository"
    if anchor and (file.suffix != ".md" or anchor not in anchors(file.read_text())):
        return f"{target}: there is no such heading"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_has_a_target(page: Path) -> None:
    found = [text for target in links(page.read_text()) if (text := problem(page, target))]
    assert found == []


def test_every_page_is_linked_from_the_readme_or_a_page_that_is() -> None:
    reached, left = set(), [ROOT / "README.md"]
    while left:
        page = left.pop()
        reached.add(page)
        targets = {
            (page.parent / unquote(target).partition("#")[0]).resolve() for target in links(page.read_text())
        }
        left += [target for target in targets if target in PAGES and target not in reached | set(left)]
    assert [page.name for page in PAGES if page not in reached and page.name != "CHANGELOG.md"] == []


def test_a_link_to_a_missing_file_or_heading_is_reported() -> None:
    readme = ROOT / "README.md"
    text = "[a](docs/none.md) [b](README.md#fairlead) `[c](no)` [d](#nowhere)\n```\n[e](no)\n```\n[f](https://x.y/z)"
    assert [problem(readme, target) for target in links(text)] == [
        "docs/none.md: there is no docs/none.md",
        None,
        "#nowhere: there is no such heading",
    ]


def test_heading_anchors_match_those_of_github() -> None:
    text = "# A `b`, and c: d_e\n## [Link](x) & more\n## A `b`, and c: d_e\n```\n# no\n```\n"
    assert anchors(text) == {"a-b-and-c-d_e", "link--more", "a-b-and-c-d_e-1"}
