"""The logs of local containers: bounded files, and the lines among them that a user should see."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from fairlead_operator.bounds import (
    LOCAL_LOG_BYTES,
    LOCAL_LOG_LINE_BYTES,
    LOCAL_SHOWN_CHARACTERS,
    LOCAL_SHOWN_LINES,
)

_READ_BYTES = 1 << 16
# vLLM writes "(EngineCore pid=7) ERROR 11-21 05:46:57 [core.py:1510] text", our own programs JSON.
_ENGINE_ERROR = re.compile(
    r"^(?:\x1b\[[\d;]*m)*(?:\([^()]*pid=\d+\))?(?:\x1b\[[\d;]*m)*\s*(?:ERROR|CRITICAL) "
)
_SERIOUS = ("ERROR", "CRITICAL")


class LogFile:
    """A log with one predecessor: together at most twice the bound, as the kubelet keeps logs too."""

    def __init__(self, path: Path, most: int = LOCAL_LOG_BYTES) -> None:
        self.path = path
        self._most = most
        self._file = path.open("ab")

    def write(self, data: bytes) -> None:
        """Appends; begins a new file when this one is full. A full disk loses lines, not the container."""
        with suppress(OSError):
            if self._file.tell() + len(data) > self._most:
                self._file.close()
                os.replace(self.path, self.path.with_name(f"{self.path.name}.1"))
                self._file = self.path.open("ab")
            self._file.write(data)
            self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        with suppress(OSError):
            self._file.close()


def important(line: str) -> str | None:
    """The part of a log's line that a user should see: the text of an error; None for all other lines."""
    if line.startswith("{"):
        with suppress(ValueError, AttributeError):
            record = json.loads(line)
            return str(record["message"]) if record.get("level") in _SERIOUS and "message" in record else None
    return line if _ENGINE_ERROR.match(line) else None


async def follow(
    stream: asyncio.StreamReader, file: LogFile, show: Callable[[str], None], *, everything: bool = False
) -> None:
    """Copies a container's output to its file until it ends, and shows some of the important lines."""
    rest, shown = b"", 0
    while data := await stream.read(_READ_BYTES):
        file.write(data)
        *lines, rest = (rest + data).split(b"\n")
        rest = rest[-LOCAL_LOG_LINE_BYTES:]
        for raw in lines:
            line = raw.decode(errors="replace").rstrip("\r")
            text = line if everything else important(line)
            if not text:
                continue
            if everything or shown < LOCAL_SHOWN_LINES:
                show(text[:LOCAL_SHOWN_CHARACTERS])
            elif shown == LOCAL_SHOWN_LINES:
                show(f"further errors are in {file.path}")
            shown += 1
