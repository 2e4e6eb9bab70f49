"""A gateway in front of the session's engine, and the official client in front of the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from openai import OpenAI

from tests.gateway.process import Gateway, GatewayProcess
from tests.support.engine import Engine


@pytest.fixture(scope="session")
def gateway(engine: Engine) -> Gateway:
    """The gateway of the engine's pod, for all tests that leave it as it is."""
    return engine.gateway


@pytest.fixture(scope="session")
def client(gateway: Gateway) -> Iterator[OpenAI]:
    """openai-python against the gateway."""
    with gateway.openai() as connected:
        yield connected


@pytest.fixture
def own_gateway(engine: Engine) -> Iterator[GatewayProcess]:
    """A gateway for one test that changes its state."""
    with engine.another_gateway() as running:
        yield running


@pytest.fixture
def socket() -> Iterator[Path]:
    """Where a scripted engine listens; short, as a Unix socket's path must be."""
    with TemporaryDirectory(prefix="fairlead-") as folder:
        yield Path(folder) / "engine.sock"
