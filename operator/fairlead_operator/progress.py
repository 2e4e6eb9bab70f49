"""Progress of what takes a while: each step when it starts and ends, its seconds, and a table at the end.

Everything goes to standard error; standard output is for results that a script reads. On a terminal the
running steps share one line that is updated in place. Elsewhere each step has a line at its start, one at its
end, and one now and then in between.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

# Without a terminal a step's status is shown at most this often, and only a new one: a log stays readable.
_PLAIN_STATUS_SECONDS = 10.0
# On a terminal the line is drawn again at least this often, so that its seconds move.
_REDRAW_SECONDS = 0.5
_FALLBACK_COLUMNS = 80
_ERASE_LINE = "\r\x1b[2K"


@dataclass
class Step:
    """A step that runs: what it does now is shown beside its title."""

    title: str
    started: float
    _changed: Callable[[Step], None] = field(repr=False)
    text: str = ""
    shown: float = 0.0
    shown_text: str = ""

    def status(self, text: str) -> None:
        """Says in a few words what the step does now."""
        self.text = text
        self._changed(self)

    def bytes(self, done: int, total: int | None = None) -> None:
        """Says how many bytes of a download, or of a copy, are done."""
        self.status(f"{megabytes(done)} of {megabytes(total)}" if total else megabytes(done))


class Progress:
    """Shows steps, which may overlap in time and run in several threads.

    `live` chooses the updated line (default: whether the stream is a terminal).
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        live: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty() if live is None else live
        self._clock = clock
        self._start = clock()
        self._running: list[Step] = []
        self._rows: list[tuple[str, float, float]] = []
        self._lock = threading.RLock()
        self._drawer: threading.Thread | None = None

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Times the body. A step that raises is in the table too, which a failure may show."""
        step = self._begin(title)
        failed = True
        try:
            yield step
            failed = False
        finally:
            self._end(step, failed=failed)

    def say(self, text: str) -> None:
        """Prints a line, or several, above the running steps."""
        with self._lock:
            self._erase()
            self._write(f"{text}\n")
            self._draw()

    def table(self) -> str:
        """The ended steps in the order of their start, one a line: title, start and duration in seconds.

        The last row is the time since the first start: steps that overlap add up to more.
        """
        with self._lock:
            rows = sorted(self._rows, key=lambda row: row[1])
        if not rows:
            return ""
        first, last = rows[0][1], max(end for _, _, end in rows)
        rows.append(("in all", first, last))
        width = max(len(title) for title, _, _ in rows)
        return "\n".join(
            f"  {title:<{width}}  from {start - self._start:6.1f} s  {end - start:7.1f} s"
            for title, start, end in rows
        )

    def _begin(self, title: str) -> Step:
        with self._lock:
            step = Step(title, self._clock(), self._changed)
            step.shown = step.started
            self._running.append(step)
            if self._live:
                self._draw()
                self._keep_drawing()
            else:
                self._write(f"==> {title}\n")
        return step

    def _end(self, step: Step, *, failed: bool) -> None:
        with self._lock:
            end = self._clock()
            self._running.remove(step)
            self._rows.append((step.title, step.started, end))
            self._erase()
            mark = "failed after" if failed else "done in"
            self._write(f"    {step.title}: {mark} {end - step.started:.1f} s\n")
            self._draw()

    def _changed(self, step: Step) -> None:
        with self._lock:
            if self._live:
                self._draw()
                return
            now = self._clock()
            if now - step.shown >= _PLAIN_STATUS_SECONDS and step.text != step.shown_text:
                step.shown, step.shown_text = now, step.text
                self._write(f"    {step.title}: {step.text}\n")

    def _keep_drawing(self) -> None:
        if self._drawer is None or not self._drawer.is_alive():
            self._drawer = threading.Thread(target=self._redraw, name="progress", daemon=True)
            self._drawer.start()

    def _redraw(self) -> None:
        """Draws the line until no step runs. A thread of its own: a step may be silent for minutes."""
        while True:
            time.sleep(_REDRAW_SECONDS)
            with self._lock:
                if not self._running:
                    self._drawer = None
                    return
                self._draw()

    def _draw(self) -> None:
        if not self._live or not self._running:
            return
        now = self._clock()
        parts = []
        for step in self._running:
            text = f" ({step.text})" if step.text else ""
            parts.append(f"{step.title}{text} {now - step.started:.0f} s")
        columns = shutil.get_terminal_size((_FALLBACK_COLUMNS, 24)).columns
        line = f"==> {' | '.join(parts)}"
        # One column stays free: some terminals wrap a line that fills the last one.
        self._write(f"{_ERASE_LINE}{line if len(line) < columns else line[: columns - 4] + '...'}")

    def _erase(self) -> None:
        if self._live:
            self._write(_ERASE_LINE)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def megabytes(count: int) -> str:
    """A number of bytes in MB of a million bytes, as package indexes show sizes."""
    return f"{count / 1e6:.1f} MB" if count < 100e6 else f"{count / 1e6:.0f} MB"
