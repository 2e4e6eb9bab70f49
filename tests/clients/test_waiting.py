"""What takes its time: silence, slow engines, a time to come back. All clients wait together."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.clients.driver import Application, Client
from tests.clients.failing_engine import FailingEngine
from tests.clients.requests import asking
from tests.gateway.process import GatewayProcess
from tests.support.manifests import variables

APIS = ("chat", "responses")


@pytest.fixture(scope="module")
def pinging_gateway(failing_engine: FailingEngine) -> Iterator[GatewayProcess]:
    """A gateway that leaves no stream without a byte for long."""
    container = {"name": "gateway", "env": variables({"FAIRLEAD_GATEWAY_PING_SECONDS": "0.1"})}
    template = {"spec": {"initContainers": [container]}}
    with GatewayProcess(failing_engine, {"podTemplate": template}) as running:
        yield running


def by_all(
    clients: Mapping[str, Client], gateway: GatewayProcess, ask: Callable[[str, Application], Any]
) -> dict[str, Any]:
    """What each client's application got, by the client's name."""
    with ThreadPoolExecutor(len(clients)) as pool:
        asked = {
            name: pool.submit(ask, name, Application(client, gateway.api_port))
            for name, client in clients.items()
        }
        return {name: call.result() for name, call in asked.items()}


@pytest.mark.parametrize("api", APIS)
def test_a_hanging_engine_raises_an_error(
    clients: dict[str, Client], failing_gateway: GatewayProcess, api: str
) -> None:
    def ask(name: str, app: Application) -> Any:
        return app(f"{api}.stream_to_failure", **asking(api, "silent"))

    for name, outcome in by_all(clients, failing_gateway, ask).items():
        assert outcome["received"] == "ab", name
        assert outcome["error"]["code"] == "engine_timeout", name


def test_a_client_retries_a_busy_engine_after_retry_after(
    clients: dict[str, Client], failing_gateway: GatewayProcess, failing_engine: FailingEngine
) -> None:
    def ask(name: str, app: Application) -> Any:
        return app("chat.create", max_retries=2, **asking("chat", f"busy once:{name}"))

    for name, read in by_all(clients, failing_gateway, ask).items():
        assert read["answer"]["choices"][0]["message"]["content"] == "ab", name
        first, second = failing_engine.arrivals[f"busy once:{name}"]
        # The clients' own patience would have been half a second.
        assert 1.9 < second - first < 30, name


def test_a_slow_stream_is_kept_alive(pinging_gateway: GatewayProcess) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", pinging_gateway.api_port, timeout=60)
    connection.request("POST", "/v1/chat/completions", json.dumps(asking("chat", "slow") | {"stream": True}))
    received = connection.getresponse().read()
    connection.close()

    assert received.startswith(b": ping\n")
    assert received.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("api", APIS)
def test_clients_continue_reading_after_a_keepalive(
    clients: dict[str, Client], pinging_gateway: GatewayProcess, api: str
) -> None:
    def ask(name: str, app: Application) -> Any:
        return app(f"{api}.stream_to_failure", **asking(api, "slow"))

    for name, outcome in by_all(clients, pinging_gateway, ask).items():
        assert outcome == {"received": "ab", "error": None}, name


@pytest.mark.parametrize("api", APIS)
def test_a_refusal_after_a_keepalive_raises(
    clients: dict[str, Client], pinging_gateway: GatewayProcess, api: str
) -> None:
    def ask(name: str, app: Application) -> Any:
        return app(f"{api}.stream_to_failure", **asking(api, "late refusal"))

    for name, outcome in by_all(clients, pinging_gateway, ask).items():
        # Too late for a status, so it comes as an event.
        assert outcome["error"]["status"] is None, name
        assert "APIError" in outcome["error"]["kinds"], name
        assert outcome["error"]["message"].endswith("no"), name
