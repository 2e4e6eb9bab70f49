"""A client that calls an ASGI application directly, so that a test controls every message."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message


@dataclass
class Answer:
    """One HTTP answer."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        error = self.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert isinstance(error["code"], str)
        return dict(error)


async def call(
    app: ASGIApp,
    method: str,
    path: str,
    body: bytes | dict[str, Any] = b"",
    /,
    client: str = "client",
    **headers: str,
) -> Answer:
    """One request whose client, at the given address, waits for the whole answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    messages = [{"type": "http.request", "body": data, "more_body": False}]
    answer = Answer()

    async def receive() -> Message:
        if messages:
            return messages.pop()
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    await app(_scope(method, path, client, headers), receive, send)
    return answer


def _scope(method: str, path: str, client: str, headers: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "server": ("gateway", 80),
        "client": (client, 1),
    }
