"""A hub, a cache and a pod for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hub import Hub
from tests.weights.downloads import Pod


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub without repositories."""
    folder = tmp_path / "hub"
    folder.mkdir()
    with Hub(folder) as server:
        yield server


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    """A pod with an empty cache."""
    cache = tmp_path / "weights"
    cache.mkdir()
    return Pod(tmp_path / "pod", cache)
