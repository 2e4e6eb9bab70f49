"""Installs the other proxies, each at a pinned version in a place of its own under the cache.

Nothing is installed into the machine: Python packages go into their own environment, nginx is Debian's
package unpacked but not installed, so that no service starts. What cannot be had raises MissingError, and
the report says so.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from e2e.cluster import once, venvs
from e2e.cluster.shell import ClusterError, find_program, run
from tests.benchmarks.gateway.errors import MissingError
from tests.benchmarks.gateway.interpreter import interpreter
from tests.benchmarks.gateway.programs import cache_dir

_HERE = Path(__file__).parent


def python_environment(name: str) -> Path:
    """The bin folder of an environment with exactly what NAME.txt locks. Raises MissingError."""
    locked = _HERE / f"{name}.txt"
    digest = hashlib.sha256(locked.read_bytes()).hexdigest()[:12]
    python = interpreter()
    owner = str(python.parent).strip("/").replace("/", "-")
    target = cache_dir() / f"{name}-{owner}-{python.name}-{digest}"

    def install(scratch: Path) -> None:
        venvs.locked(scratch, locked, python=python, options=["--only-binary", ":all:"])

    return _once(name, target, install) / "bin"


def nginx() -> Path:
    """The nginx program: the machine's own, else Debian's package, unpacked. Raises MissingError."""
    own = find_program("nginx")
    if own is not None:
        return Path(own)

    def unpack(scratch: Path) -> None:
        download = ["apt-get", "-qq", "download", "nginx"]
        try:
            run(download, cwd=scratch)
        except ClusterError:
            if os.geteuid() != 0:
                raise
            run(["apt-get", "-qq", "update"])
            run(download, cwd=scratch)
        (package,) = scratch.glob("*.deb")
        run(["dpkg-deb", "-x", package, scratch])
        package.unlink()
        run(
            [scratch / "usr/sbin/nginx", "-v"],
            hint="apt-get install nginx brings the libraries that it needs.",
        )

    return _once("nginx", cache_dir() / "nginx", unpack) / "usr/sbin/nginx"


def _once(name: str, target: Path, make: Callable[[Path], None]) -> Path:
    try:
        return once.folder(target, make, title=f"installing {name} into {target}")
    except (ClusterError, ValueError) as error:
        raise MissingError(f"{name} cannot be installed: {error}") from error
