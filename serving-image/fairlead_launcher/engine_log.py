"""Lines of the engine's log as text."""

from __future__ import annotations

import re

from fairlead_launcher.bounds import MESSAGE_CHARS

# "(EngineCore pid=7) ERROR 11-21 05:46:57 [core.py:1510] " before the text of a line.
_PREFIX = re.compile(
    r"^(?:\([^()]*pid=\d+\) )?(?:(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) [\d-]+ [\d:]+ \[[^]]*\] ?)?"
    r"(?:\[rank\d+\]: ?)?"
)
# Some releases of vLLM color the first part of each line, whatever they write to.
_COLOR = re.compile(r"\x1b\[[\d;]*m")
EXCEPTION_LINE = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt))\b(?:: .*)?$")


def clean(line: str) -> str:
    """The line without colors and without vLLM's log prefix."""
    return split_line(line)[1]


def split_line(line: str) -> tuple[str, str]:
    """The log prefix of a line, and its text."""
    plain = _COLOR.sub("", line)
    prefix = _PREFIX.match(plain)
    end = prefix.end() if prefix else 0
    return plain[:end], plain[end:].rstrip()


def shorten(text: str, limit: int = MESSAGE_CHARS) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
