"""Debian packages that a build, an engine of our own or a test needs, installed without starting anything."""

from __future__ import annotations

import ctypes
import importlib.util
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster.locks import only_one
from e2e.cluster.progress import say
from e2e.cluster.shell import ClusterError, find_program, run

# Program, library or module of this Python → the packages that bring it.
PACKAGES: dict[str, tuple[str, ...]] = {
    "dockerd": ("docker.io",),
    "containerd": ("containerd",),
    "runc": ("runc",),
    "iptables-save": ("iptables",),
    "ip": ("iproute2",),
    "debootstrap": ("debootstrap",),
    "curl": ("curl", "ca-certificates"),
    "promtool": ("prometheus",),
    "nginx": ("nginx-light",),
    "caddy": ("caddy",),
    "chromium": ("chromium",),
    "cc": ("gcc", "libc6-dev"),
    "libnuma.so.1": ("libnuma1",),
    "libgomp.so.1": ("libgomp1",),
    "ensurepip": ("python3-venv",),
}
OR_DOCKER = "Or start Docker: then none of it is needed."
_MODULES = ("ensurepip",)
_POLICY = Path("/usr/sbin/policy-rc.d")


def require(names: Sequence[str], purpose: str, instead: str = "") -> None:
    """Makes sure that names of PACKAGES are installed. Raises ClusterError where that is not possible.

    `instead` is what the user can do else.
    """
    if not _missing(names):
        return
    with only_one("apt"):
        missing = _missing(names)
        packages = sorted({package for name in missing for package in PACKAGES[name]})
        if not packages:
            return
        if find_program("apt-get") is None or os.geteuid() != 0:
            remedy = f"run this as root on Debian, or install it (apt-get install {' '.join(packages)})"
            raise ClusterError(f"{purpose} needs {', '.join(missing)}: {remedy}. {instead}".strip())
        say(f"apt-get install {' '.join(packages)}")
        _install(packages)


def _missing(names: Sequence[str]) -> list[str]:
    return [name for name in names if not _installed(name)]


def _installed(name: str) -> bool:
    if name in _MODULES:
        return importlib.util.find_spec(name) is not None
    if ".so." not in name:
        return find_program(name) is not None
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


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
