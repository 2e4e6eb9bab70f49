"""Paths of the cluster scripts. Everything that can be made again is under one cache root, keyed by version.

State that must outlive a command but not a cluster (process records, kubeconfigs) has a folder of its own
beneath the same root, so that removing the root removes every trace.
"""

from __future__ import annotations

from pathlib import Path

from fairlead_operator.local.once import cache_root

__all__ = ["ROOT", "build_dir", "cache_root", "cluster_dir", "engine_dir", "locks_dir", "tools_dir"]

ROOT = Path(__file__).resolve().parents[2]


def tools_dir() -> Path:
    """Holds one folder per tool and version."""
    return cache_root() / "tools"


def engine_dir() -> Path:
    """Data, socket, log and process record of the container engine that these scripts start."""
    return cache_root() / "docker"


def cluster_dir(name: str) -> Path:
    """Kubeconfig and notes of one cluster."""
    return cache_root() / "clusters" / name


def build_dir(name: str) -> Path:
    """Where something is built that is not kept as files."""
    return cache_root() / "build" / name


def locks_dir() -> Path:
    """Files that serialise callers: see locks.py."""
    return cache_root() / "locks"
