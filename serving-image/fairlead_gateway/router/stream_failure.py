"""Ends a stream with a failure when the router opened it before a pod had the request.

The gateway's own adapter writes it, so that clients get the same events as from a gateway: one error for chat
completions, the full order up to `response.failed` for responses.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import orjson

from fairlead_gateway.contract.api_adapter import Call
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.contract.policy import make_policy
from fairlead_gateway.contract.sse import error_event
from fairlead_gateway.routes import ApiRoute

from .models import RoutedModel


def stream_failure(
    endpoint: ApiRoute, body: bytes, model: RoutedModel | None, token: str, error: ApiError
) -> bytes:
    """The events for a request whose stream is open and empty."""
    if model is None:
        return error_event(error)
    try:
        policy = make_policy(model.names, model.dialect)
        adapter = endpoint.factory(body, policy, Call(token, lambda: int(time.time())))
    except (ApiError, ValueError):  # it would have been refused anyway
        return error_event(error)
    beginning, relay = adapter.stream()
    return beginning + relay.fail(error)


def error_in(status: int, body: bytes) -> ApiError:
    """A gateway's error answer as an error for a stream."""
    try:
        error: Mapping[str, str] = orjson.loads(body)["error"]
        return ApiError(status, error["message"], error["code"], error.get("param"))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ApiError(status, f"The pod answered with HTTP status {status}.", "engine_error")
