"""Running other programs: quiet while they succeed, their last lines in the error when they fail."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


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
    try:
        done = subprocess.run(
            words,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise ClusterError(f"{words[0]} is not installed. {hint}".strip()) from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(
            f"`{shlex.join(words)}` did not end within {timeout:.0f} s. {hint}".strip()
        ) from error
    if done.returncode:
        raise CommandError(words, done.returncode, f"{done.stdout}\n{done.stderr}", hint)
    return done.stdout


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
    """The path of a program. Looks into the sbin folders too, which a plain user's PATH often lacks."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
