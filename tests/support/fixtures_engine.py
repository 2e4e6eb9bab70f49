"""The `engine` fixture: one real vLLM with the tiny model for the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.engine import Engine


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A vLLM that serves the tiny model on a Unix socket; tests must leave it running."""
    running = Engine()
    try:
        yield running.wait_ready()
    finally:
        running.stop()
