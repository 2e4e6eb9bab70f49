"""The arithmetic of progress, and the document that tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .causes import Cause


@dataclass
class Tally:
    """Bytes of one job. `total` is None until the source has told what it has."""

    done: int = 0
    total: int | None = None


@dataclass
class Progress:
    """All that the progress file tells. `peer` holds the downloader's figures while this pod waits for it."""

    source: str
    started_at: float
    tallies: dict[str, Tally] = field(default_factory=dict)
    phase: str = "Downloading"
    detail: str = ""
    cause: Cause | None = None
    peer: Mapping[str, Any] | None = None

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
        figures: Mapping[str, Any] = {"bytes": self.done, "totalBytes": self.total}
        if self.phase == "Waiting" and self.peer is not None:
            figures = {name: self.peer.get(name) for name in figures}
        return {
            "phase": self.phase,
            "source": self.source,
            "bytes": figures["bytes"] or 0,
            "totalBytes": figures["totalBytes"],
            "startedAt": self.started_at,
            "detail": self.detail,
            "cause": self.cause.as_document() if self.cause else None,
        }

    def job_document(self, job: str, host: str) -> dict[str, Any]:
        """What pods that wait for `job` are told by this one."""
        tally = self.tallies[job]
        return {"host": host, "bytes": tally.done, "totalBytes": tally.total}


def percent(done: int, total: int | None) -> str:
    """ "42 %", or "" if the total is unknown. Never 100 % before the last byte."""
    return f"{done * 100 // total if total else 100} %" if total is not None else ""
