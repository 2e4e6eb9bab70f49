"""Processes recorded on disk by pid, start time and name, and stopped only if all match.

A pid alone may belong to another process after a crash or a reboot; a pid with the kernel's start time (in
clock ticks since boot) and the boot id does not.
"""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """Identifies one process: `start` is field 22 of /proc/PID/stat, `boot` the kernel's boot id."""

    pid: int
    start: int
    boot: str
    program: str

    @classmethod
    def of(cls, pid: int, program: str) -> Process | None:
        """The record of a living process, None if there is none of that pid."""
        start = _start_ticks(pid)
        return None if start is None else cls(pid, start, _boot_id(), program)

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return self.boot == _boot_id() and _start_ticks(self.pid) == self.start

    def stop(self, grace: float = 20.0) -> None:
        """Terminates it, waits up to `grace` seconds, then kills it; returns when it is gone."""
        for sign, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 10.0)):
            if not self.alive():
                return
            try:
                os.kill(self.pid, sign)
            except ProcessLookupError:
                return
            if self._gone_within(patience):
                return
        raise TimeoutError(f"{self.program} (pid {self.pid}) survives SIGKILL")

    def _gone_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True


def remember(process: Process, file: Path) -> None:
    """Writes the record so that a later command, or one after a crash, can find the process."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".tmp")
    draft.write_text(json.dumps(asdict(process)))
    draft.replace(file)


def recall(file: Path) -> Process | None:
    """Reads a record; None if there is none or it is unreadable (a run was killed before it was complete)."""
    try:
        return Process(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _start_ticks(pid: int) -> int | None:
    """When the process started; None if it does not exist or is only waiting to be reaped."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The program's name is in parentheses and may contain spaces and parentheses itself.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
