"""The computation of progress, and its document."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .bounds import MAX_HOST_CHARACTERS, MAX_TOTAL_BYTES
from .causes import DownloadCause

_HOST = re.compile(rf"[A-Za-z0-9.-]{{1,{MAX_HOST_CHARACTERS}}}")


@dataclass
class Tally:
    """Bytes of one job. `total` is None until the source is listed."""

    done: int = 0
    total: int | None = None


class Rate:
    """The recent rate of bytes, over a window long enough to be steady."""

    WINDOW_SECONDS = 10.0

    def __init__(self) -> None:
        self._notes: deque[tuple[float, int]] = deque()

    def add(self, now: float, fetched: int) -> None:
        """`fetched` counts all bytes since the start, at a time of any clock that only goes forward."""
        self._notes.append((now, fetched))
        # One sample from before the window stays, so that the window is covered.
        while len(self._notes) > 2 and now - self._notes[1][0] >= self.WINDOW_SECONDS:
            self._notes.popleft()

    @property
    def per_second(self) -> int | None:
        """Bytes per second; None before the first byte."""
        if len(self._notes) < 2 or not self._notes[-1][1]:
            return None
        (began, before), (ended, now) = self._notes[0], self._notes[-1]
        return round((now - before) / (ended - began)) if ended > began else None


@dataclass
class DownloadProgress:
    """The contents of the progress file. `peer` has the downloader's figures while this pod waits for it."""

    source: str
    started_at: float
    tallies: dict[str, Tally] = field(default_factory=dict)
    phase: str = "Downloading"
    detail: str = ""
    cause: DownloadCause | None = None
    peer: Mapping[str, Any] | None = None
    fetched: int = 0
    rate: Rate = field(default_factory=Rate)

    @property
    def done(self) -> int:
        """Bytes of all jobs that are in the cache."""
        return sum(tally.done for tally in self.tallies.values())

    @property
    def total(self) -> int | None:
        """Bytes of all jobs; None while that of any is unknown."""
        totals = [tally.total for tally in self.tallies.values()]
        return None if None in totals else sum(total or 0 for total in totals)

    def as_document(self) -> dict[str, Any]:
        """JSON for the progress file."""
        figures: Mapping[str, Any] = _figures(self.done, self.total, self.rate.per_second)
        if self.phase == "Waiting" and self.peer is not None:
            figures = {**_figures(0, None, None), **{k: v for k, v in self.peer.items() if k in figures}}
        return {
            "phase": self.phase,
            "source": self.source,
            **figures,
            "startedAt": self.started_at,
            "detail": self.detail,
            "cause": self.cause.as_document() if self.cause else None,
        }

    def job_document(self, job: str, host: str) -> dict[str, Any]:
        """The document for pods that wait for `job`."""
        tally = self.tallies[job]
        return {"host": host, **_figures(tally.done, tally.total, self.rate.per_second)}


def peer_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """Another pod's `job_document` without invalid values: any pod may have written it."""
    host = document.get("host")
    figures = _figures(0, None, None)
    for name in figures:
        value = document.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TOTAL_BYTES:
            figures[name] = value
    return {"host": host if isinstance(host, str) and _HOST.fullmatch(host) else "?", **figures}


def _figures(done: int, total: int | None, rate: int | None) -> dict[str, int | None]:
    return {"bytes": done, "totalBytes": total, "bytesPerSecond": rate}


def percent(done: int, total: int | None) -> str:
    """ "42 %", or "" if the total is unknown. Never 100 % before the last byte."""
    return f"{done * 100 // total if total else 100} %" if total is not None else ""
