"""Running other programs: quiet while they succeed, their last lines in the error when they fail."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster.progress import say

_GUARD = threading.Lock()
_CHILDREN: set[subprocess.Popen[str]] = set()


class ClusterError(Exception):
    """A failure whose text names cause and remedy; shown without a traceback."""


class CommandError(ClusterError):
    """A program ended with a non-zero code."""

    def __init__(self, argv: Sequence[str], code: int, output: str, hint: str = "") -> None:
        tail = "\n".join(output.strip().splitlines()[-25:])
        remedy = f"\n{hint}" if hint else ""
        super().__init__(f"`{shlex.join(argv)}` ended with {code}:\n{tail}{remedy}")
        self.output = output
        self.code = code


def run(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
    hint: str = "",
) -> str:
    """Runs a program to its end and returns its standard output.

    `env` is added to this process's environment. Raises CommandError with both streams' last lines on a
    non-zero code, ClusterError if the program is missing or outlives `timeout` seconds.
    """
    words = [str(word) for word in argv]
    process = _start(
        words, env, cwd, hint, subprocess.DEVNULL if stdin is None else subprocess.PIPE, subprocess.PIPE
    )
    with ended_with_us(process):
        try:
            stdout, stderr = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired as error:
            message = f"`{shlex.join(words)}` did not end within {timeout:.0f} s. {hint}"
            raise ClusterError(message.strip()) from error
    if process.returncode:
        raise CommandError(words, process.returncode, f"{stdout}\n{stderr}", hint)
    return stdout


def run_shown(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    hint: str = "",
) -> None:
    """Runs a program that takes minutes: each line of its output is shown as it comes.

    `env` is added to this process's environment. Raises as run() does.
    """
    words = [str(word) for word in argv]
    process = _start(words, env, cwd, hint, subprocess.DEVNULL, subprocess.STDOUT)
    lines = []
    with process, ended_with_us(process):
        for line in process.stdout or ():
            lines.append(line)
            say(f"  {line.rstrip()}")
        process.wait()
    if process.returncode:
        raise CommandError(words, process.returncode, "".join(lines), hint)


def _start(
    words: Sequence[str],
    env: Mapping[str, str] | None,
    cwd: Path | None,
    hint: str,
    stdin: int,
    stderr: int,
) -> subprocess.Popen[str]:
    """Starts a program whose output is read as text. Raises ClusterError if it is not installed."""
    try:
        return subprocess.Popen(
            words,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            errors="replace",
        )
    except FileNotFoundError as error:
        raise ClusterError(f"{words[0]} is not installed. {hint}".strip()) from error


@contextmanager
def side_by_side(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Threads for programs that run at the same time; if the body raises, those that still run are killed."""
    with ThreadPoolExecutor(workers) as pool:
        try:
            yield pool
        except BaseException:
            end_children()
            raise


@contextmanager
def ended_with_us(process: subprocess.Popen[str]) -> Iterator[None]:
    """Lets end_children() find the process while the body runs; kills it if the body leaves early."""
    with _GUARD:
        _CHILDREN.add(process)
    try:
        yield
    finally:
        with _GUARD:
            _CHILDREN.discard(process)
        if process.poll() is None:
            process.kill()
            process.wait()


def end_children() -> None:
    """Kills the programs that other threads wait for, so that a failure need not wait for minutes of work."""
    with _GUARD:
        for process in _CHILDREN:
            process.kill()


def succeeds(
    argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, timeout: float | None = 20
) -> bool:
    """Whether the program exists and ends with 0 within `timeout` seconds."""
    try:
        run(argv, env=env, timeout=timeout)
    except ClusterError:
        return False
    return True


def find_program(name: str) -> str | None:
    """The path of a program; looks into sbin and Go's own folder too, which PATH often lacks."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin:/usr/local/go/bin")
