"""The ASGI side of one request: its body, its answer, and the moment its client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any

from starlette.types import Receive, Scope, Send

from .contract.errors import ApiError


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The request's body. Raises ApiError 413 above `limit` bytes, without reading the rest."""
    too_large = ApiError(413, f"The request body is larger than {limit} bytes.", "request_too_large")
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise too_large
        if not message.get("more_body", False):
            return b"".join(chunks)


class ClientGoneError(Exception):
    """The client left; nobody is there to answer."""


async def until_client_leaves(receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Runs `work`, and cancels it when the client disconnects, so that the engine stops at once."""
    task = asyncio.ensure_future(work)
    watcher = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        else:
            task.result()
    finally:
        watcher.cancel()
        task.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def start(send: Send, status: int, content_type: str, headers: Iterable[tuple[str, str]] = ()) -> None:
    """Sends status and headers."""
    pairs = [("content-type", content_type), *headers]
    encoded = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in pairs]
    await send({"type": "http.response.start", "status": status, "headers": encoded})


async def send_json(send: Send, status: int, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> None:
    """Sends a whole JSON answer."""
    await start(send, status, "application/json", [("content-length", str(len(body))), *headers])
    await send({"type": "http.response.body", "body": body})
