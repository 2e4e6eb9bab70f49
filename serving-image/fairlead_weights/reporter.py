"""Reports the progress of the download: in the progress file, to pods that wait for it, and in the log.

Files are replaced as a whole and not more often than every half second; the log gets a line now and then.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from fairlead_contract.log_format import log_line

from .causes import DownloadCause, human
from .files import replace_file
from .progress import DownloadProgress, Tally, peer_document, percent

WRITE_SECONDS = 0.5
LOG_SECONDS = 15.0


class Reporter:
    """Counts bytes from all threads, and writes from one of its own between `start` and `finish`."""

    def __init__(self, state: Path, source: str) -> None:
        self._state = state
        self._progress = DownloadProgress(source, time.time())
        self._peers: dict[str, Path] = {}
        self._lock = threading.Lock()
        self._written: dict[Path, bytes] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._host = socket.gethostname()

    def start(self, jobs: tuple[str, ...]) -> None:
        """Begins to write."""
        self._progress.tallies = {job: Tally() for job in jobs}
        self._state.parent.mkdir(parents=True, exist_ok=True)
        self._write()
        self._thread.start()

    def finish(self, phase: str, detail: str = "", cause: DownloadCause | None = None) -> None:
        """Writes the final state."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()
        with self._lock:
            self._progress.phase, self._progress.detail, self._progress.cause = phase, detail, cause
        self._write()

    def set_detail(self, detail: str) -> None:
        """Sets the current activity as text; also in the log."""
        with self._lock:
            self._progress.detail = detail
        log(detail)

    def trouble(self, cause: DownloadCause, wait: float) -> None:
        """Reports a cause that blocks the download, and the seconds until the next try."""
        again = f"next try in {wait:.0f} s"
        with self._lock:
            self._progress.cause = DownloadCause(cause.reason, f"{cause.message} ({again})")
            self._progress.detail = f"{cause.reason}: {again}"
        log(f"{cause.reason}: {cause.message}; {again}")
        self._write()

    def waiting(self, peer: Mapping[str, Any]) -> None:
        """Reports that another pod downloads; `peer` is its progress."""
        peer = peer_document(peer)
        figures = percent(peer["bytes"], peer["totalBytes"])
        with self._lock:
            self._progress.phase, self._progress.peer = "Waiting", peer
            self._progress.detail = f"pod {peer['host']} downloads into the shared cache {figures}".strip()

    def downloading(self, job: str, peers: Path | None) -> None:
        """Reports that this pod downloads; waiting pods read `peers`."""
        with self._lock:
            self._progress.phase, self._progress.peer, self._progress.detail = "Downloading", None, ""
            if peers:
                self._peers[job] = peers

    def done_with(self, job: str) -> None:
        """No pod waits for this job any more."""
        with self._lock:
            peers = self._peers.pop(job, None)
        if peers:
            with suppress(OSError):
                peers.unlink(missing_ok=True)

    def expect(self, job: str, total: int, present: int) -> None:
        """Sets the size from the source, of which a part is here already."""
        with self._lock:
            self._progress.tallies[job] = Tally(present, total)

    def advance(self, job: str, count: int) -> None:
        """Adds bytes; negative when some have to be fetched again."""
        with self._lock:
            self._progress.tallies[job].done += count
            self._progress.fetched += max(0, count)
            if count > 0 and self._progress.cause:
                self._progress.cause, self._progress.detail = None, ""

    def _run(self) -> None:
        logged = time.monotonic()
        while not self._ended.wait(WRITE_SECONDS):
            now = time.monotonic()
            with self._lock:
                self._progress.rate.add(now, self._progress.fetched)
            self._write()
            if now - logged >= LOG_SECONDS:
                self._log_figures()
                logged = now

    def _log_figures(self) -> None:
        with self._lock:
            phase, done, total = self._progress.phase, self._progress.done, self._progress.total
            detail, rate = self._progress.detail, self._progress.rate.per_second
        if phase == "Waiting":
            log(f"waiting: {detail}")
        else:
            whole = f" of {human(total)} ({percent(done, total)})" if total is not None else ""
            log(f"{human(done)}{whole}, {human(rate or 0)}/s")

    def _write(self) -> None:
        with self._lock:
            documents = {self._state: self._progress.as_document()}
            documents |= {
                path: self._progress.job_document(job, self._host) for job, path in self._peers.items()
            }
            for path, document in documents.items():
                self._write_one(path, json.dumps(document).encode())

    def _write_one(self, path: Path, content: bytes) -> None:
        if self._written.get(path) == content:
            return
        # The download itself detects a full or missing disk, and has the message.
        with suppress(OSError):
            replace_file(path, content)
            self._written[path] = content


def log(text: str, level: str = "INFO", **labels: str) -> None:
    """One line for `kubectl logs`."""
    print(log_line(time.time(), level, "fairlead.weights", text, labels), file=sys.stderr, flush=True)
