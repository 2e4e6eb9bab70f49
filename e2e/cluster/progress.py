"""Progress for users: one line per step with the seconds since the start, and a table at the end.

Everything goes to standard error; standard output is for results that a script reads.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_START = time.monotonic()
_LOCK = threading.Lock()


def say(text: str) -> None:
    """Prints one progress line, safe from several threads."""
    with _LOCK:
        print(f"[{time.monotonic() - _START:4.0f}s] {text}", file=sys.stderr, flush=True)


class Phases:
    """Remembers how long each named phase took; phases may overlap in time."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, float, float]] = []

    @contextmanager
    def phase(self, title: str) -> Iterator[None]:
        """Times the body. A phase that raises is recorded too, for the table shown with the failure."""
        start = time.monotonic()
        say(f"{title} ...")
        try:
            yield
        finally:
            end = time.monotonic()
            with _LOCK:
                self._rows.append((title, start, end))
            say(f"{title}: {end - start:.1f} s")

    def table(self) -> str:
        """One line per phase in order of start: title, when it began, how long it took (seconds)."""
        rows = sorted(self._rows, key=lambda row: row[1])
        width = max((len(title) for title, _, _ in rows), default=0)
        return "\n".join(
            f"  {title:<{width}}  from {start - _START:6.1f} s  for {end - start:6.1f} s"
            for title, start, end in rows
        )
