"""Other programs while something is made: each line of their output as it comes, the last ones in the error.

Standard library only: `make setup` runs it before there is an environment.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fairlead_operator.local.errors import LocalError

# The last lines of a failed program's output that its error shows.
_SHOWN_LINES = 15
# A line longer than this is read in pieces.
_LINE_CHARACTERS = 4096


class ProgramError(LocalError):
    """A program ended with a non-zero code; `output` has its last lines."""

    def __init__(self, argv: Sequence[str], code: int, output: str, hint: str = "") -> None:
        if "No space left on device" in output:
            hint = "Free some disk, or set FAIRLEAD_CACHE to a folder on a larger one."
        remedy = f"\n{hint}" if hint else ""
        super().__init__(f"`{shlex.join(argv)}` ended with {code}:\n{output}{remedy}")
        self.output = output


def run(
    argv: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], object] | None = None,
    hint: str = "",
) -> str:
    """Runs a program to its end and returns the last lines of both its streams.

    `environment` is added to this process's own. Each line goes to `on_line` too. The program is killed if
    this call is interrupted. Raises ProgramError, whose text ends with `hint`; LocalError if the program is
    not there.
    """
    words = [str(word) for word in argv]
    try:
        process = subprocess.Popen(
            words,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise LocalError(f"{words[0]} cannot be run: {error.strerror}. {hint}".strip()) from error
    last: deque[str] = deque(maxlen=_SHOWN_LINES)
    with process:
        try:
            assert process.stdout is not None
            while line := process.stdout.readline(_LINE_CHARACTERS):
                last.append(line)
                if on_line:
                    on_line(line.rstrip())
            process.wait()
        finally:
            if process.poll() is None:
                process.kill()
    output = "".join(last).strip()
    if process.returncode:
        raise ProgramError(words, process.returncode, output, hint)
    return output
