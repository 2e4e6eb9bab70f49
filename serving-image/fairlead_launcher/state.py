"""The engine's progress, in a file that the gateway reads."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fairlead_launcher.bounds import DETAIL_CHARS
from fairlead_launcher.engine_log import shorten

PHASES = (
    ("LoadingWeights", r"Starting to load model"),
    ("Compiling", r"torch\.compile takes|Dynamo bytecode|for the compilation|Capturing (?:CUDA|cuda) ?graph"),
    ("Running", r"Application startup complete"),
)
ORDER = ("Starting", *(phase for phase, _ in PHASES))
WRITE_SECONDS = 0.5


class StateFile:
    """Progress of the engine in a file that is always complete. Times are seconds."""

    def __init__(self, path: Path, inferred: Mapping[str, str] = MappingProxyType({})) -> None:
        """`inferred` are the names of parsers that the launcher has added to the engine's arguments."""
        self._path = path
        # The log and the first prompt are followed by a thread each.
        self._lock = threading.RLock()
        self._phase_began = time.monotonic()
        self._written = 0.0
        self._state: dict[str, Any] = {
            "phase": "Starting",
            "since": int(time.time()),
            # Identifies this start of the engine.
            "startedAt": time.time(),
            "pid": os.getpid(),
            "exitCode": None,
            "detail": "",
            # Before a prompt was rendered, the engine may be healthy and refuse every request.
            "promptRendered": False,
            "phases": {},
            "cause": None,
            "inferred": dict(inferred),
        }

    @property
    def phase(self) -> str:
        """The current phase."""
        return str(self._state["phase"])

    @property
    def detail(self) -> str:
        """The last progress line."""
        return str(self._state["detail"])

    def enter(self, phase: str, **fields: object) -> None:
        """Closes the current phase, begins another and writes."""
        with self._lock:
            now = time.monotonic()
            self._state["phases"][self.phase] = round(now - self._phase_began, 1)
            self._phase_began = now
            self._state.update(fields, phase=phase, since=int(time.time()))
            self.write()

    def advance(self, phase: str, **fields: object) -> bool:
        """Enters a phase of the start, unless that or a later one has come; whether it did."""
        with self._lock:
            ahead = self.phase in ORDER and ORDER.index(phase) > ORDER.index(self.phase)
            if ahead:
                self.enter(phase, **fields)
            return ahead

    def set_progress(self, detail: str) -> None:
        """Sets the last progress line. Written only from time to time: progress bars are fast."""
        with self._lock:
            self._state["detail"] = shorten(detail, DETAIL_CHARS)
            if time.monotonic() - self._written >= WRITE_SECONDS:
                self.write()

    def set_ready(self) -> None:
        """Records that the engine answers requests, not only that it is up."""
        with self._lock:
            self._state["promptRendered"] = True
            self.advance("Running")
            self.write()

    def write(self) -> None:
        """Replaces the file as a whole."""
        with self._lock:
            scratch = self._path.with_suffix(".tmp")
            scratch.write_text(json.dumps(self._state))
            os.replace(scratch, self._path)
            self._written = time.monotonic()
