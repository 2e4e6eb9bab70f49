"""Debian packages that an engine and a node image of our own need, installed without starting anything."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster.locks import only_one
from e2e.cluster.progress import say
from e2e.cluster.shell import ClusterError, find_program, run

# Program → the package that brings it.
PACKAGES = {
    "dockerd": "docker.io",
    "containerd": "containerd",
    "runc": "runc",
    "iptables-save": "iptables",
    "ip": "iproute2",
    "debootstrap": "debootstrap",
}
_POLICY = Path("/usr/sbin/policy-rc.d")


def require(programs: Sequence[str], purpose: str) -> None:
    """Makes sure that the programs are installed. Raises ClusterError where that is not possible."""
    if not _missing(programs):
        return
    with only_one("apt"):
        packages = sorted({PACKAGES[name] for name in _missing(programs)})
        if not packages:
            return
        if find_program("apt-get") is None or os.geteuid() != 0:
            raise ClusterError(
                f"{purpose} needs {', '.join(_missing(programs))}: run this as root on Debian "
                f"(apt-get install {' '.join(packages)}). Or start Docker, then nothing of this is needed."
            )
        say(f"apt-get install {' '.join(packages)}")
        _install(packages)


def _missing(programs: Sequence[str]) -> list[str]:
    return [name for name in programs if find_program(name) is None]


def _install(packages: list[str]) -> None:
    # A machine may run its own unattended upgrade just now: wait for its lock instead of failing.
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    run([*apt, "update"], hint="Is a Debian mirror within reach (/etc/apt/sources.list)?")
    with _no_services():
        run(
            [*apt, "install", "-y", "--no-install-recommends", *packages],
            env={"DEBIAN_FRONTEND": "noninteractive"},
        )


@contextmanager
def _no_services() -> Iterator[None]:
    """Keeps the packages from starting a Docker service: the engine is to be ours alone.

    policy-rc.d is Debian's way to say so. One that the machine has already is left as it is.
    """
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)
