"""Programs of the release that tests run: the linter of workflows, a registry with its client, krew."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from e2e.cluster import tools

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# A Go module each: their dependencies have nothing in common.
MODULES = Path(__file__).with_name("go")
PROGRAMS = ("actionlint", "crane", "krew")
_SECONDS = 120


@cache
def program(name: str) -> Path:
    """The path of one of PROGRAMS, which is built at its first use."""
    return tools.ensure_apart(name, MODULES / name)


def call(
    *command: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end, whatever its exit code; `env` is added to the environment."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def output(*command: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> str:
    """The standard output of a program that has to succeed."""
    done = call(*command, cwd=cwd, env=env)
    assert done.returncode == 0, f"{done.args}: {done.stdout}{done.stderr}"
    return done.stdout
