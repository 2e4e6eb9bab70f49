"""The documentation as a site: it is complete, and its pages read there as they do on GitHub."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, ROOT, all_blocks

HOOK = runpy.run_path(str(ROOT / "docs" / "make_site.py"))
_BUILD_SECONDS = 120.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    mkdocs = Path(sys.executable).with_name("mkdocs")
    assert mkdocs.exists(), "mkdocs is not installed: run `make setup`"
    done = subprocess.run(
        [mkdocs, "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        # What mkdocs-material says about its own future is no warning about the pages.
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return folder


def article(page: Path) -> str:
    """The content of a built page, without navigation and blocks of code."""
    text = page.read_text()
    content = text[text.index("<article") : text.index("</article>")]
    return re.sub(r"<(pre|code)\b.*?</\1>", "", content, flags=re.DOTALL)


def test_every_page_and_every_linked_file_is_in_the_site(site: Path) -> None:
    places = [HOOK["site_place"](page.relative_to(ROOT).as_posix()) for page in PAGES]
    built = [re.sub(r"README$", "index", place.removesuffix(".md")) + ".html" for place in places]
    linked = ["charts/fairlead/templates/_helpers.tpl", "examples/gpu.yaml", "SECURITY.html"]
    assert [place for place in built + linked if not (site / place).is_file()] == []


def test_no_list_or_table_is_left_as_text(site: Path) -> None:
    wrong = [
        f"{page.relative_to(site)}: {text}"
        for page in sorted(site.rglob("*.html"))
        if "<article" in page.read_text()
        for text in re.findall(r"^(?:<p>)?(?:- |\* |\d+\. |\|).{,60}", article(page), re.MULTILINE)
    ]
    assert wrong == []


def test_every_diagram_is_drawn_by_the_browser(site: Path) -> None:
    shown = sum(page.read_text().count('<pre class="mermaid">') for page in site.rglob("*.html"))
    assert shown == len(all_blocks("mermaid")) > 0


@pytest.mark.parametrize(
    ("page", "link", "moved"),
    [
        ("README.md", "[a](docs/api.md#errors)", "[a](api.md#errors)"),
        ("README.md", "[a](SECURITY.md)", "[a](SECURITY.md)"),
        ("operations.md", "[a](../charts/fairlead/values.yaml)", "[a](charts/fairlead/values.yaml)"),
        ("design/README.md", "[a](../../README.md#install)", "[a](../README.md#install)"),
        ("design/README.md", "[a](0001-own-router.md)", "[a](0001-own-router.md)"),
        (
            "api.md",
            "[a](#errors) [b](https://x.example/docs/a.md)",
            "[a](#errors) [b](https://x.example/docs/a.md)",
        ),
        ("api.md", "```text\n[a](../README.md)\n```", "```text\n[a](../README.md)\n```"),
    ],
)
def test_links_lead_to_the_same_page_in_the_site(page: str, link: str, moved: str) -> None:
    assert HOOK["with_links_in_site"](link, page) == moved
