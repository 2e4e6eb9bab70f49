"""A hook of mkdocs: the pages of the repository's top folder join those of docs/.

README.md becomes the site's first page. Links that leave docs/, and links from the top folder into it, are
written for GitHub; here they lead to the copies in the site. Other files that pages link to, such as the
chart's values.yaml, are copied.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
TOP_PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")

_LINK = re.compile(r"(\]\(\s*)([^)\s>#]+)((?:#[^)\s]*)?\s*\))")
_FENCE = re.compile(r"(^ *```.*?^ *```[^\n]*$)", re.MULTILINE | re.DOTALL)
_ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:|^//")


def site_place(repository_path: str) -> str:
    """Where a file of the repository is among the site's sources: docs/ is their root."""
    return repository_path.removeprefix("docs/")


def repository_place(site_path: str) -> str:
    """The opposite of site_place."""
    return site_path if site_path in TOP_PAGES else f"docs/{site_path}"


def with_links_in_site(markdown: str, site_path: str) -> str:
    """A page's text with its relative links as they are in the site."""
    page = repository_place(site_path)

    def moved(match: re.Match[str]) -> str:
        start, target, end = match.groups()
        if _ELSEWHERE.match(target):
            return match[0]
        place = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(target)))
        return start + posixpath.relpath(site_place(place), posixpath.dirname(site_path) or ".") + end

    parts = _FENCE.split(markdown)
    return "".join(part if index % 2 else _LINK.sub(moved, part) for index, part in enumerate(parts))


def linked_files(pages: dict[str, str]) -> set[str]:
    """The files outside of docs/ that pages link to, as repository paths; `pages` has texts by path."""
    found = set()
    for page, text in pages.items():
        for match in _LINK.finditer(_FENCE.sub("", text)):
            if not _ELSEWHERE.match(match[2]):
                place = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(match[2])))
                if not place.startswith("docs/") and (ROOT / place).is_file():
                    found.add(place)
    return found - set(TOP_PAGES)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages of the top folder, and the files that pages link to."""
    from mkdocs.structure.files import File

    pages = {repository_place(file.src_uri): file.content_string for file in files.documentation_pages()}
    pages |= {name: (ROOT / name).read_text() for name in TOP_PAGES}
    for place in [*TOP_PAGES, *sorted(linked_files(pages))]:
        files.append(File.generated(config, place, abs_src_path=str(ROOT / place)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Moves the links of a page."""
    return with_links_in_site(markdown, page.file.src_uri)
