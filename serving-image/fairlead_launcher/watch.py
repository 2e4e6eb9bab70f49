"""The engine's log, relayed and read while the engine runs."""

from __future__ import annotations

import os
import re
from collections import deque

from fairlead_launcher.bounds import DETAIL_CHARS, KEPT_LINES, READ_BYTES
from fairlead_launcher.engine_log import clean, shorten
from fairlead_launcher.state import PHASES, StateFile

_PROGRESS = re.compile(r"\bINFO [\d-]+ [\d:]+ \[|\d+%")


class Watch:
    """Relays the engine's log and extracts phases, progress and causes."""

    def __init__(self, state: StateFile) -> None:
        self._state = state
        self._rest = b""
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)

    def relay(self, source: int, target: int) -> None:
        """Copies everything from one file descriptor to the other until the engine closes it."""
        while True:
            data = os.read(source, READ_BYTES)
            if not data:
                break
            view = memoryview(data)
            while view:
                view = view[os.write(target, view) :]
            self._learn(data)
        self._learn(b"\n")

    def _learn(self, data: bytes) -> None:
        # Progress bars end their lines with a carriage return.
        *whole, self._rest = re.split(rb"[\r\n]+", self._rest + data)
        for raw in whole:
            line = raw.decode(errors="replace")
            self.lines.append(line)
            if self._state.phase != "Running":
                self._follow(line)

    def _follow(self, line: str) -> None:
        for phase, pattern in PHASES:
            detail = shorten(clean(line), DETAIL_CHARS)
            if re.search(pattern, line) and self._state.advance(phase, detail=detail):
                return
        if _PROGRESS.search(line):
            self._state.set_progress(clean(line))
