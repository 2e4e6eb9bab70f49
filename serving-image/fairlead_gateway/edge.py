"""What every answer of the API port has, whoever makes it: a request id, a count, and a way to end a drain.

A plain ASGI wrapper outside FastAPI, so that its error pages and unknown routes are covered too.
"""

from __future__ import annotations

import secrets
import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .admission.gate import Gate
from .telemetry import Telemetry

_ENDPOINTS = {"/v1/chat/completions": "chat", "/v1/responses": "responses", "/v1/models": "models"}


def endpoint_of(path: str) -> str:
    """The metric label for a path."""
    return _ENDPOINTS.get(path, "other")


class Edge:
    """Wraps the API application."""

    def __init__(self, app: ASGIApp, gate: Gate, telemetry: Telemetry) -> None:
        self._app, self._gate, self._telemetry = app, gate, telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        status = 499  # nginx's code for a client that left before an answer
        request_id = f"req_{secrets.token_hex(16)}"

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                if self._gate.draining:
                    # Clients that keep connections open must find another pod for their next request.
                    headers["connection"] = "close"
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        finally:
            elapsed = time.monotonic() - started
            self._telemetry.count_request(endpoint_of(scope["path"]), status, elapsed)
