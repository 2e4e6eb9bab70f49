"""The first process of a local container: `python -I container_init.py COMMAND ...`. Standard library only.

It does what a container gives a pod. Processes that the command leaves behind are ended with it, and nothing
outlives the supervisor: when that dies, the kernel sends SIGTERM to this process.

SIGTERM and SIGINT are passed on to the command. SIGQUIT kills everything at once. The exit code is the
command's, or 128 plus the number of the signal that ended it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# prctl(2).
_SET_PARENT_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36
PASSED_ON = (signal.SIGTERM, signal.SIGINT)
KILL = signal.SIGQUIT
# Without the supervisor nothing else bounds the end. An idle engine ends within 20 s.
ORPHAN_SECONDS = 30
# The kernel needs a moment to end a process that holds an accelerator. Beyond: left to the system.
REAP_SECONDS = 10.0
_REAP_PAUSE_SECONDS = 0.02
NOT_FOUND = 127


def main(command: list[str]) -> int:
    """Runs the command to its end; returns the exit code."""
    supervisor = os.getppid()
    _prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    _prctl(_SET_CHILD_SUBREAPER, 1)
    signals = {*PASSED_ON, KILL, signal.SIGALRM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    child = os.fork()
    if child == 0:
        _prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        _execute(command)

    def pass_on(number: int, _: object) -> None:
        if os.getppid() != supervisor:
            signal.alarm(ORPHAN_SECONDS)
        _send(child, number)

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    for number in (KILL, signal.SIGALRM):
        signal.signal(number, lambda *_: _send(child, signal.SIGKILL))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    if os.getppid() != supervisor:
        # It died before the kernel was asked for a signal.
        pass_on(signal.SIGTERM, None)
    status = _wait_for(child)
    _end_others()
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _execute(command: list[str]) -> None:
    """Becomes the command; never returns."""
    try:
        os.execvp(command[0], command)  # noqa: S606 -- no shell
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    os._exit(NOT_FOUND)


def _wait_for(child: int) -> int:
    """The status of the command; other processes that end meanwhile are reaped."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return status


def _end_others() -> None:
    """Kills what the command left behind: as a subreaper this process is the parent of it, one by one."""
    deadline = time.monotonic() + REAP_SECONDS
    with suppress(ChildProcessError):
        while time.monotonic() < deadline:
            for pid in _children():
                _send(pid, signal.SIGKILL)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(_REAP_PAUSE_SECONDS)


def _children() -> Iterator[int]:
    own = os.getpid()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == own:
                yield int(folder.name)


def _send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _prctl(option: int, value: int) -> None:
    """Linux only; elsewhere a process that its parent leaves behind stays."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
