"""Connections to one server, mostly to the engine: kept while they are fresh, opened when none is free.

The engine closes idle connections, and sometimes one right after an error answer. A request on such a
connection fails before its first byte, so it is sent once more on a fresh connection. A failure of a fresh
connection is real and is not retried.
"""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from typing import Any

import orjson

from fairlead_gateway.bounds import MAX_WHOLE_ANSWER_BYTES
from fairlead_gateway.contract.errors import ApiError, engine_failed, engine_unavailable

from .connection import Handler, HttpConnection, Request, request_of

# Below the engine's own idle timeout (VLLM_HTTP_TIMEOUT_KEEP_ALIVE, 5 s by default).
KEEPALIVE_SECONDS = 4
CONNECT_SECONDS = 5
# A stream's last event has come but not the end of its HTTP message: normally a matter of the next read.
RELEASE_SECONDS = 1
# For the gateway's own short queries.
QUERY_SECONDS = 3
# One token of an engine with nothing else to do.
TOKEN_SECONDS = 10
_VERSION = re.compile(r"[\w.+-]{1,64}")
_POST = b"POST %b HTTP/1.1\r\nhost: engine\r\ncontent-type: application/json\r\n%bcontent-length: %d\r\n\r\n"


class Pool(ABC):
    """Connections to one server. Used inside one running event loop.

    `keepalive_seconds` must be below the server's own idle timeout; opening takes `connect_seconds` at most.
    """

    def __init__(self, keepalive_seconds: float, connect_seconds: float) -> None:
        self._keepalive_seconds, self._connect_seconds = keepalive_seconds, connect_seconds
        self._loop = asyncio.get_running_loop()
        self._idle: list[tuple[float, HttpConnection]] = []
        self._open: set[HttpConnection] = set()
        self._connecting: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def _dial(self) -> HttpConnection:
        """A new connection. Raises OSError."""

    @property
    def unused(self) -> bool:
        """Whether there is no connection, nor one being opened."""
        return not self._open and not self._connecting

    def send(self, handler: Handler, request: Request) -> None:
        """Sends a whole request; everything after that goes to the handler, never before this returns when a
        connection must be opened first.
        """
        oldest = self._loop.time() - self._keepalive_seconds
        while self._idle:
            since, connection = self._idle.pop()
            if since > oldest and connection.usable():
                connection.send(handler, request, reused=True)
                return
            connection.abort()
        self._connect(handler, request)

    def sweep(self) -> None:
        """Closes connections that were idle for too long, and answers that have no reader and do not end."""
        now = self._loop.time()
        oldest, kept = now - self._keepalive_seconds, self._idle
        self._idle = [entry for entry in kept if entry[0] > oldest]
        stale = [connection for since, connection in kept if since <= oldest]
        stale += [
            c for c in self._open if c.released_at is not None and c.released_at < now - RELEASE_SECONDS
        ]
        for connection in stale:
            connection.abort()

    def close(self) -> None:
        """Closes all connections."""
        for task in self._connecting:
            task.cancel()
        for connection in tuple(self._open):
            connection.abort()

    def idle(self, connection: HttpConnection) -> None:
        """Keeps a connection for the next request."""
        connection.released_at = None
        self._idle.append((self._loop.time(), connection))

    def closed(self, connection: HttpConnection) -> None:
        """Removes a connection."""
        self._open.discard(connection)
        self._idle = [entry for entry in self._idle if entry[1] is not connection]

    def again(self, handler: Handler, request: Request) -> None:
        """Sends a request on a fresh connection that a kept one has lost."""
        self._connect(handler, request)

    def _connect(self, handler: Handler, request: Request) -> None:
        task = self._loop.create_task(self._open_and_send(handler, request))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _open_and_send(self, handler: Handler, request: Request) -> None:
        try:
            async with asyncio.timeout(self._connect_seconds):
                connection = await self._dial()
        except (OSError, TimeoutError):
            if handler.wanted:
                handler.upstream_lost(engine_unavailable("The engine is not reachable."))
            return
        self._open.add(connection)
        if handler.wanted:
            connection.send(handler, request, reused=False)
        else:
            self.idle(connection)


class EnginePool(Pool):
    """The engine behind one Unix socket, and the gateway's own queries."""

    def __init__(self, socket_path: str) -> None:
        super().__init__(KEEPALIVE_SECONDS, CONNECT_SECONDS)
        self._path = socket_path

    async def _dial(self) -> HttpConnection:
        _, connection = await self._loop.create_unix_connection(lambda: HttpConnection(self), self._path)
        return connection

    def post(self, handler: Handler, path: bytes, lines: bytes, body: bytes) -> None:
        """Sends a JSON body with these further header lines, as `send` does."""
        self.send(handler, request_of(_POST % (path, lines, len(body)), body))

    async def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a GET. Raises ApiError or TimeoutError."""
        return await self._query((f"GET {path} HTTP/1.1\r\nhost: engine\r\n\r\n".encode(),), QUERY_SECONDS)

    async def healthy(self) -> bool:
        """Whether the engine reports itself healthy."""
        try:
            return (await self.get("/health"))[0] == 200
        except (ApiError, TimeoutError):
            return False

    async def metrics(self) -> bytes:
        """The engine's own metrics, or nothing while it does not answer."""
        try:
            status, body = await self.get("/metrics")
        except (ApiError, TimeoutError):
            return b""
        return body if status == 200 else b""

    async def models(self) -> list[dict[str, Any]]:
        """The engine's list of models, or nothing while it does not answer."""
        try:
            status, body = await self.get("/v1/models")
            return list(orjson.loads(body)["data"]) if status == 200 else []
        except (ApiError, TimeoutError, ValueError, KeyError):
            return []

    async def version(self) -> str:
        """The engine's version, or nothing while it does not answer."""
        try:
            status, body = await self.get("/version")
            version = orjson.loads(body)["version"] if status == 200 else ""
        except (ApiError, TimeoutError, ValueError, KeyError, TypeError):
            return ""
        return version if isinstance(version, str) and _VERSION.fullmatch(version) else ""

    async def generates(self, model: str) -> bool:
        """Whether the engine makes a token for the model of this name."""
        body = orjson.dumps({"model": model, "prompt": "a", "max_tokens": 1})
        try:
            request = request_of(_POST % (b"/v1/completions", b"", len(body)), body)
            status, _ = await self._query(request, TOKEN_SECONDS)
        except (ApiError, TimeoutError):
            return False
        return status == 200

    async def _query(self, request: Request, seconds: float) -> tuple[int, bytes]:
        reply = _Reply()
        self.send(reply, request)
        try:
            async with asyncio.timeout(seconds):
                return await reply.answer
        finally:
            reply.close()


class _Reply:
    """Collects one whole answer for a coroutine."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        self.wanted = True
        self._parts: list[bytes] = []
        self._size = 0
        self._connection: HttpConnection | None = None

    def upstream_connected(self, connection: HttpConnection) -> None:
        self._connection = connection

    def upstream_data(self, status: int, data: bytes) -> None:
        self._size += len(data)
        if self._size > MAX_WHOLE_ANSWER_BYTES:
            self.close()
            self.upstream_lost(engine_failed("The engine's answer is too large."))
            return
        self._parts.append(data)

    def upstream_end(self, status: int) -> None:
        self._connection = None
        if not self.answer.done():
            self.answer.set_result((status, b"".join(self._parts)))

    def upstream_lost(self, error: ApiError) -> None:
        self._connection = None
        if not self.answer.done():
            self.answer.set_exception(error)

    def close(self) -> None:
        """The caller waits no longer."""
        self.wanted = False
        if self._connection is not None:
            self._connection.abort()
