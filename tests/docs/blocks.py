"""The fenced blocks of README.md and docs/, with the notes above them.

A note is an HTML comment on the line above a block, which readers do not see:

    <!-- not tested: needs a GPU node -->    no command of the block is run, and why
    <!-- output: example -->                 the commands are run; what they print depends on the cluster
    <!-- file: model.yaml -->                the block is written to this file for the page's later commands
    <!-- tested by tests/x/test_y.py -->     another test reads the block

A comment of its own whose first line is `file: NAME` holds the content of a file that the page does not show.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

NOTES = ("not tested: ", "output: example", "file: ", "tested by ")

_BLOCK = re.compile(
    r"""
    (?:^[ ]*<!--[ ]*(?P<note>[^\n]*?)[ ]*-->\n)?
    ^(?P<indent>[ ]*)```(?P<language>\w*)[^\n]*\n
    (?P<text>.*?)
    ^(?P=indent)```[ ]*$
    | ^<!--[ ]*file:[ ](?P<file>\S+)\n(?P<content>.*?)^-->$
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True)
class Block:
    """One block: `line` counts from 1, `text` is without the fence's indentation, `note` may be empty."""

    page: str
    line: int
    language: str
    text: str
    note: str

    @property
    def place(self) -> str:
        """Where it is, for messages and test names."""
        return f"{self.page}:{self.line}"

    def noted(self, prefix: str) -> str | None:
        """What follows `prefix` in the note; None if the note is another one."""
        return self.note.removeprefix(prefix).strip() if self.note.startswith(prefix) else None


def blocks_in(text: str, page: str) -> list[Block]:
    """All blocks and hidden files of a page's text, in their order."""
    found = []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["file"]:
            found.append(Block(page, line, "", match["content"], f"file: {match['file']}"))
        else:
            found.append(
                Block(page, line, match["language"], textwrap.dedent(match["text"]), match["note"] or "")
            )
    return found


@cache
def blocks_of(page: Path) -> list[Block]:
    """All blocks of a page of the repository."""
    return blocks_in(page.read_text(), page.relative_to(ROOT).as_posix())


def all_blocks(*languages: str) -> list[Block]:
    """The blocks of these languages on all pages; without languages, all."""
    return [
        block for page in PAGES for block in blocks_of(page) if not languages or block.language in languages
    ]
