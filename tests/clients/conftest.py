"""Real clients in front of real gateways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.driver import OPENAI_CLIENTS, Application, Client
from tests.clients.failing_engine import FailingEngine
from tests.gateway.process import Gateway, GatewayProcess
from tests.support.engine import Engine


@pytest.fixture(scope="session")
def clients() -> Iterator[dict[str, Client]]:
    """All official clients by name."""
    running: dict[str, Client] = {}
    try:
        for name, start in OPENAI_CLIENTS.items():
            running[name] = start()
        yield running
    finally:
        for client in running.values():
            client.stop()


@pytest.fixture(params=OPENAI_CLIENTS)
def client(request: pytest.FixtureRequest, clients: dict[str, Client]) -> Client:
    """Each of the official clients in turn."""
    return clients[request.param]


@pytest.fixture(scope="session")
def gateway(engine: Engine) -> Gateway:
    """The gateway of the session's engine, left as it is."""
    return engine.gateway


@pytest.fixture
def app(client: Client, gateway: Gateway) -> Application:
    """An application on a real engine."""
    return Application(client, gateway.api_port)


@pytest.fixture(scope="session")
def failing_engine() -> Iterator[FailingEngine]:
    """An engine that does what a request's message says."""
    running = FailingEngine()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def failing_gateway(failing_engine: FailingEngine) -> Iterator[GatewayProcess]:
    """A gateway in front of it that bears one second of silence."""
    spec = {"model": {"aliases": ["small", "org/tiny"]}, "api": {"engineSilenceTimeoutSeconds": 1}}
    with GatewayProcess(failing_engine, spec) as running:
        yield running


@pytest.fixture
def failing(client: Client, failing_gateway: GatewayProcess) -> Application:
    """An application on an engine that fails on demand."""
    return Application(client, failing_gateway.api_port)
