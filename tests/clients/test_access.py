"""Keys and bounds, as every official client reports them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.driver import Application, Client, ClientError
from tests.clients.failing_engine import FailingEngine
from tests.clients.requests import asking
from tests.gateway.process import GatewayProcess, wait_for
from tests.support.api_keys import key_file

# One request at a time, and no queue.
FULL_AT_ONE = {
    "engine": {"maxRunningRequests": 1},
    "api": {"maxQueuedRequests": 0, "auth": {"mode": "APIKey", "secretName": "keys"}},
}
KEYS: dict[str, dict[str, Any]] = {"sk-all": {}, "sk-small": {"models": ["small"]}}


@pytest.fixture(scope="module")
def guarded(failing_engine: FailingEngine) -> Iterator[GatewayProcess]:
    """A gateway that asks for a key and serves one request at a time."""
    keys = {key: key_file(key, **rights).decode() for key, rights in KEYS.items()}
    with GatewayProcess(failing_engine, FULL_AT_ONE, secrets={"keys": keys}) as running:
        yield running


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
