"""Python environments: uv, which makes them, the project's own in .venv, and locked ones in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from e2e.cluster import debian, once, paths, versions
from e2e.cluster.locks import only_one
from e2e.cluster.progress import say
from e2e.cluster.shell import run

# Environments serve the minor version that made them: part of their names.
PYTHON = f"py{sys.version_info.major}{sys.version_info.minor}"
# Not the link in .venv, which may have to go.
_INTERPRETER = os.path.realpath(sys.executable)

_IN_REACH = "Is the Python package index within reach (its address: PIP_INDEX_URL, UV_INDEX_URL)?"


def uv() -> Path:
    """The program uv, of our version whatever the machine has; installs it at its first use."""

    def install(folder: Path) -> None:
        debian.require(["ensurepip"], "a Python environment")
        run([_INTERPRETER, "-m", "venv", folder])
        pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        run([*pip, "install", f"uv=={versions.UV}"], hint=_IN_REACH)

    folder = paths.cache_root() / f"uv-{versions.UV}-{PYTHON}"
    return once.folder(folder, install, title=f"uv {versions.UV}") / "bin" / "uv"


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
            run([uv(), "venv", "--quiet", "--python", _INTERPRETER, venv])
        unfinished.touch()
        sync = ["sync", "--quiet", "--frozen", "--python", _INTERPRETER]
        run([uv(), *sync], cwd=root, hint=_IN_REACH)
        unfinished.unlink()
        (venv / ".locked").touch()


def locked(
    folder: Path, requirements: Path, *, python: str | Path = _INTERPRETER, options: Sequence[str] = ()
) -> None:
    """Makes an environment of exactly what a file of requirements with hashes names, which may be moved.

    `options` are further ones of `uv pip install`. Raises CommandError.
    """
    create(folder, python)
    install = [str(uv()), "pip", "install", "--quiet", "--python", str(folder / "bin" / "python")]
    run([*install, "--require-hashes", *options, "--requirements", requirements], hint=_IN_REACH)


def create(folder: Path, python: str | Path = _INTERPRETER) -> None:
    """Makes an empty environment in an existing folder; it may be moved."""
    run([uv(), "venv", "--quiet", "--relocatable", "--clear", "--python", python, folder])


def path_with_uv() -> dict[str, str]:
    """The variable PATH for scripts that call uv."""
    return {"PATH": os.pathsep.join([str(uv().parent), os.environ["PATH"]])}
