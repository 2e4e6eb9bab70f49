"""Real clients in front of real gateways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.driver import OPENAI_CLIENTS, Application, Client
from tests.gateway.process import GatewayProcess
from tests.support.engine import Engine


@pytest.fixture(scope="session", params=OPENAI_CLIENTS)
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """Each of the official clients in turn."""
    running = OPENAI_CLIENTS[request.param]()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def gateway(engine: Engine) -> Iterator[GatewayProcess]:
    """A gateway in front of the session's engine, left as it is."""
    running = GatewayProcess(engine)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def app(client: Client, gateway: GatewayProcess) -> Application:
    """An application on a real engine."""
    return Application(client, gateway.api_port)
