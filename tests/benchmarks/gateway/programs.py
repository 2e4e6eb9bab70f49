"""The two C programs of the benchmark, built on the spot and kept in the cache by the hash of their source.

They are C so that one core can feed and drain a proxy that has the other core for itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import once
from e2e.cluster.paths import cache_root
from e2e.cluster.shell import run

_NATIVE = Path(__file__).with_name("native")
_SOURCES = {"mock_engine": ("mock_engine.c", "answers.c"), "load": ("load.c", "options.c", "response.c")}
_FLAGS = ("-O2", "-std=c11", "-Wall", "-Wextra")


@dataclass(frozen=True)
class Programs:
    """Paths of the built programs; the head of each main source says how it is called."""

    mock_engine: Path
    load: Path


def cache_dir() -> Path:
    """Where everything that the benchmark builds or installs is kept."""
    return cache_root() / "bench"


def build_programs() -> Programs:
    """Builds what is not in the cache. Raises ClusterError without a working C compiler."""
    content = b"".join(path.read_bytes() for path in sorted(_NATIVE.iterdir()))
    folder = cache_dir() / f"native-{hashlib.sha256(content).hexdigest()[:12]}"
    once.folder(folder, _compile)
    return Programs(folder / "mock_engine", folder / "load")


def _compile(folder: Path) -> None:
    for name, files in _SOURCES.items():
        sources = [_NATIVE / file for file in files]
        hint = "Install a C compiler: apt-get install gcc libc6-dev"
        run(["cc", *_FLAGS, "-o", folder / name, *sources], hint=hint)
