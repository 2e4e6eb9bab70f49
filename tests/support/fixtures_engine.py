"""The engine fixtures: real vLLMs with the tiny model, each started once per session by who first asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.engine import SECOND_ENGINE_ARGUMENTS, Engine


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A vLLM that serves the tiny model on a Unix socket; tests must leave it running."""
    running = Engine()
    try:
        yield running.wait_ready()
    finally:
        running.stop()


@pytest.fixture(scope="session")
def second_engine() -> Iterator[Engine]:
    """A vLLM that orders its queue by priority, runs one request at a time and has a reasoning parser."""
    running = Engine(SECOND_ENGINE_ARGUMENTS)
    try:
        yield running.wait_ready()
    finally:
        running.stop()
