"""How commands print their results: text for people, or one JSON or YAML document for programs.

Colours are only for people: they need a terminal, and none of the usual ways to switch them off
(https://no-color.org, TERM=dumb).
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from fairlead_contract.text import printable
from fairlead_operator.api.manifest import to_yaml

FORMATS = ("table", "json", "yaml")
# Makes a text of a style of _STYLES; the same text where there are no colours.
Paint = Callable[[str, str], str]

# Parameters of SGR, the control sequence for colours (ECMA-48).
_STYLES = {"title": "1", "good": "32", "bad": "31", "warning": "33", "minor": "2"}


def add_output(command: argparse.ArgumentParser) -> None:
    """Adds the option `--output`."""
    command.add_argument(
        "-o",
        "--output",
        choices=FORMATS,
        default="table",
        help="table for people (default), json or yaml for programs",
    )


def structured(document: Any, form: str) -> str:
    """The document as JSON or YAML, with its line end. It has no control characters: parts of it come from
    other writers, and it may be shown on a terminal.
    """
    text = to_yaml(document) if form == "yaml" else f"{json.dumps(document, indent=2, ensure_ascii=False)}\n"
    return printable(text, len(text))


def painter(stream: TextIO) -> Paint:
    """The function that colours texts for this stream."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return lambda text, _: text
    return lambda text, style: f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], indent: str = "") -> list[str]:
    """Lines with columns of even width but for the last."""
    listed = [head, *rows]
    widths = [max(len(row[column]) for row in listed) for column in range(len(head) - 1)]
    return [indent + "  ".join([*map(str.ljust, row, widths), row[-1]]) for row in listed]
