"""Runs the commands of one page, one after another in one bash, as a reader would."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.docs.blocks import ROOT

# Several times what the slowest page needs on two busy cores.
_PAGE_SECONDS = 300.0


@dataclass(frozen=True)
class Result:
    """How one command ended, and its lines on stdout and stderr."""

    code: int
    output: tuple[str, ...]


def work_folder(folder: Path) -> Path:
    """A folder that looks like a clone of the repository, in which pages can write files of their own."""
    for entry in ROOT.iterdir():
        if entry.name not in (".git", ".venv", "build"):
            (folder / entry.name).symlink_to(entry)
    (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
    return folder


def run_all(
    commands: Sequence[str], folder: Path, programs: Sequence[Path], variables: Mapping[str, str]
) -> list[Result]:
    """The result of each command. Variables that one sets are there for the next. Raises TimeoutExpired."""
    mark = f"=== {uuid.uuid4().hex}"
    # A line of its own before the brace: a command may end in a comment or in a here-document.
    script = "".join(f'{{ {text}\n}} </dev/null\necho "{mark} $?"\n' for text in commands)
    path = os.pathsep.join([str(Path(sys.executable).parent), *map(str, programs), os.environ["PATH"]])
    environment = {**os.environ, **variables, "PATH": path, "COLUMNS": "200", "NO_COLOR": "1"}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_PAGE_SECONDS,
        check=False,
    )
    results: list[Result] = []
    lines: list[str] = []
    for line in done.stdout.splitlines():
        if line.startswith(mark):
            results.append(Result(int(line.removeprefix(mark)), tuple(lines)))
            lines = []
        else:
            lines.append(line.rstrip())
    return results
