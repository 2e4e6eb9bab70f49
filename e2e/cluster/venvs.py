"""Python environments: uv, which makes them, the project's own in .venv, and locked ones in the cache."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from e2e.cluster import debian, once, paths
from e2e.cluster.locks import only_one
from e2e.cluster.progress import say
from e2e.cluster.shell import ClusterError, run
from fairlead_operator.local import uv as pinned_uv
from fairlead_operator.local.errors import LocalError
from fairlead_operator.local.uv import IN_REACH as _IN_REACH
from fairlead_operator.local.uv import INTERPRETER, PYTHON

__all__ = ["INTERPRETER", "PYTHON", "create", "locked", "project", "uv"]


def uv() -> Path:
    """The program uv, of our version whatever the machine has; installs it at its first use."""
    if not pinned_uv.program().exists():
        debian.require(["ensurepip"], "a Python environment")
    try:
        return pinned_uv.pinned(once.ONCE, title=f"uv {pinned_uv.version()}")
    except LocalError as error:
        raise ClusterError(str(error)) from error


def project(root: Path = paths.ROOT) -> None:
    """Makes .venv from the uv.lock of a project, or brings it up to date.

    At its end it touches .venv/.locked, by whose time `make` sees whether uv.lock is newer.
    """
    venv = root / ".venv"
    # There while uv changes .venv: packages of a killed run may be half there and look installed.
    unfinished = venv / ".unfinished"
    with only_one(f"venv-{hashlib.sha256(str(venv).encode()).hexdigest()[:8]}"):
        say("Python environment from uv.lock")
        if unfinished.exists() or not (venv / "pyvenv.cfg").exists():
            shutil.rmtree(venv, ignore_errors=True)
            run([uv(), "venv", "--quiet", "--python", INTERPRETER, venv])
        unfinished.touch()
        sync = ["sync", "--quiet", "--frozen", "--python", INTERPRETER]
        run([uv(), *sync], cwd=root, hint=_IN_REACH)
        unfinished.unlink()
        (venv / ".locked").touch()


def locked(
    folder: Path, requirements: Path, *, python: str | Path = INTERPRETER, options: Sequence[str] = ()
) -> None:
    """Makes an environment of exactly what a file of requirements with hashes names, which may be moved.

    `options` are further ones of `uv pip install`. Raises CommandError.
    """
    create(folder, python)
    install = [str(uv()), "pip", "install", "--quiet", "--python", str(folder / "bin" / "python")]
    run([*install, "--require-hashes", *options, "--requirements", requirements], hint=_IN_REACH)


def create(folder: Path, python: str | Path = INTERPRETER) -> None:
    """Makes an empty environment in an existing folder; it may be moved."""
    run([uv(), "venv", "--quiet", "--relocatable", "--clear", "--python", python, folder])
