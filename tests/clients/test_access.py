"""Keys and bounds, as every official client reports them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from tests.clients.driver import Application, Client, ClientError
from tests.clients.failing_engine import FailingEngine
from tests.clients.requests import asking
from tests.gateway.process import GatewayProcess, wait_for

# One request at a time, and no queue.
FULL_AT_ONE = {"maxRunningRequests": 1, "maxQueuedRequests": 0}
KEYS: dict[str, dict[str, Any]] = {"sk-all": {}, "sk-small": {"models": ["small"]}}


@pytest.fixture(scope="module")
def guarded(failing_engine: FailingEngine) -> Iterator[GatewayProcess]:
    """A gateway that asks for a key and serves one request at a time."""
    running = GatewayProcess(failing_engine, **FULL_AT_ONE)
    try:
        folder = running.run_dir / "keys"
        folder.mkdir()
        for key, rights in KEYS.items():
            digest = {"sha256": sha256(key.encode()).hexdigest()}
            (folder / key).write_text(json.dumps(digest | rights))
        config = running.run_dir / "gateway.json"
        config.write_text(json.dumps(json.loads(config.read_bytes()) | {"auth": {"mode": "APIKey"}}))
        wait_for(lambda: status_without_key(running) == 401)
        yield running
    finally:
        running.stop()


def status_without_key(gateway: GatewayProcess) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.api_port, timeout=60)
    connection.request("GET", "/v1/models")
    status = connection.getresponse().status
    connection.close()
    return status


def refusal(app: Application, **body: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        app("chat.create", **asking("chat", "hello") | body)
    return caught.value


def test_a_request_with_a_valid_key_is_served(client: Client, guarded: GatewayProcess) -> None:
    app = Application(client, guarded.api_port, "sk-all")

    assert app("chat.create", **asking("chat", "hello"))["answer"]
    assert app("responses.create", **asking("responses", "hello"))["text"] == "ab"


def test_an_unknown_key_raises_authentication_error_401(client: Client, guarded: GatewayProcess) -> None:
    error = refusal(Application(client, guarded.api_port, "sk-unknown"))

    assert (error.kind, error.status, error.code) == ("AuthenticationError", 401, "invalid_api_key")


def test_a_key_for_another_model_raises_permission_denied_403(
    client: Client, guarded: GatewayProcess
) -> None:
    app = Application(client, guarded.api_port, "sk-small")

    error = refusal(app, model="tiny")
    assert (error.kind, error.status, error.code) == ("PermissionDeniedError", 403, "model_not_allowed")
    assert app("chat.create", **asking("chat", "hello") | {"model": "small"})["answer"]


def test_a_full_gateway_raises_rate_limit_error_429(client: Client, guarded: GatewayProcess) -> None:
    app = Application(client, guarded.api_port, "sk-all")
    app("chat.open_stream", **asking("chat", "silent"))

    error = refusal(app)
    app("chat.close_stream")

    assert (error.kind, error.status, error.code) == ("RateLimitError", 429, "rate_limit_exceeded")
    # The place is free again as soon as the client has left.
    wait_for(lambda: json.loads(guarded.admin("/load")[1])["running"] == 0)
