"""uv, which makes Python environments: the user's own, or the pinned one in the cache.

Standard library only: `make setup` runs it before there is an environment.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from fairlead_operator.local import programs
from fairlead_operator.local.errors import LocalError
from fairlead_operator.local.once import Once, cache_root

PACKAGES = Path(__file__).with_name("packages")
REQUIREMENTS = PACKAGES / "uv.requirements.txt"
# Environments serve the minor version that made them: part of their names.
PYTHON = f"py{sys.version_info.major}{sys.version_info.minor}"
# Not the link of a virtual environment, which may have to go.
INTERPRETER = os.path.realpath(sys.executable)
IN_REACH = "Is the Python package index within reach (its address: PIP_INDEX_URL, UV_DEFAULT_INDEX)?"

# The first that makes environments which may be moved, and reads UV_DEFAULT_INDEX.
_OLDEST_OF_USERS = (0, 4, 23)
_ANSWER_SECONDS = 10
# What pip reads → what uv reads.
_SETTINGS_OF_PIP = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_CERT": "SSL_CERT_FILE",
}
# A user who set one of these has chosen the index for uv.
_INDEX_OF_UV = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_CONFIG_FILE", "UV_OFFLINE")


def version() -> str:
    """The version that is pinned."""
    return pinned_version(REQUIREMENTS, "uv")


def pinned_version(requirements: Path, package: str) -> str:
    """The version of a package in a file of pinned requirements."""
    found = re.search(rf"^{re.escape(package)}==([^\s;]+)", requirements.read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{requirements} does not pin {package}")
    return found[1]


def find(once: Once) -> Path:
    """The user's uv if it is recent enough, else the pinned one. Raises LocalError."""
    return _users() or pinned(once)


def pinned(once: Once, *, title: str = "") -> Path:
    """uv of the pinned version; installs it at its first use. Raises LocalError."""
    once.folder(_folder(), _install, title=title)
    return program()


def program() -> Path:
    """Where uv of the pinned version is, or will be."""
    return _folder() / "bin" / "uv"


def settings(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables that have uv use the package index that pip is set to, where uv itself is set to none."""
    if any(environment.get(name) for name in _INDEX_OF_UV):
        return {}
    return {
        name: environment[pips]
        for pips, name in _SETTINGS_OF_PIP.items()
        if environment.get(pips) and not environment.get(name)
    }


def _folder() -> Path:
    return cache_root() / f"uv-{version()}-{PYTHON}"


def _install(folder: Path) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        raise LocalError(
            "uv is needed and there is none on PATH; this Python has no ensurepip to install it with. "
            "Install uv (https://docs.astral.sh/uv), or on Debian: apt-get install python3-venv"
        )
    programs.run([INTERPRETER, "-m", "venv", folder])
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    programs.run([*pip, "install", "--require-hashes", "--requirement", str(REQUIREMENTS)], hint=IN_REACH)


def _users() -> Path | None:
    found = shutil.which("uv")
    if found is None:
        return None
    try:
        answer = subprocess.run(
            [found, "--version"], capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    numbers = re.search(r"([0-9]+)\.([0-9]+)\.([0-9]+)", answer.stdout)
    recent = numbers is not None and tuple(int(part) for part in numbers.groups()) >= _OLDEST_OF_USERS
    return Path(found) if recent else None
