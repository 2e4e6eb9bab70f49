"""CPU time and memory of a process with its children."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.gateway.errors import InvalidError

_MIB = 1 << 20
_PAGE = resource.getpagesize()


class ProcessTree:
    """A running process and everything below it."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._cpu_ids: set[int] = set()

    def cpu_seconds(self) -> float:
        """User and system time of all processes since they began: utime + stime of proc(5), in nanoseconds.

        Raises InvalidError if a process that was counted before is gone, and its CPU time with it.
        """
        ids = self._ids()
        if not self._cpu_ids <= ids:
            raise InvalidError(f"processes ended during the measurement: {sorted(self._cpu_ids - ids)}")
        self._cpu_ids = ids
        with _ended_is_invalid():
            return sum(time.clock_gettime(_cpu_clock(number)) for number in ids)

    def rss_mib(self) -> float:
        """Resident memory of all processes in MiB; a page that two of them share counts twice."""
        with _ended_is_invalid():
            sizes = [Path(f"/proc/{number}/statm").read_text().split()[1] for number in self._ids()]
        return sum(map(int, sizes)) * _PAGE / _MIB

    def _ids(self) -> set[int]:
        found, waiting = set(), [self._root]
        with _ended_is_invalid():
            while waiting:
                number = waiting.pop()
                found.add(number)
                for task in Path(f"/proc/{number}/task").iterdir():
                    waiting += [int(child) for child in (task / "children").read_text().split()]
        return found


@contextmanager
def _ended_is_invalid() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidError(f"a process ended during the measurement: {error}") from error


def _cpu_clock(number: int) -> int:
    """The kernel's id of another process's CPU clock (clock_getcpuclockid(3)).

    It counts what utime + stime of /proc/PID/stat count, but not in ticks of 10 ms.
    """
    return (~number << 3) | 2
