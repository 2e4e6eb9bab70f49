"""One HTTP/1.1 connection to the engine, as callbacks.

Each read of the socket becomes at most one call of the handler: bytes that arrived together are passed on
together, independent of the engine's chunks. There are no tasks, queues or futures, which would cost more
than the relay itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

import httptools

from fairlead_gateway.bounds import MAX_ANSWER_HEAD_BYTES, MAX_INTERIM_ANSWERS
from fairlead_gateway.contract.errors import ApiError, engine_failed

BROKEN = "The engine closed the connection before its answer was complete."
UNREADABLE = "The engine's answer is not readable."
# Below this size, one write of a copy costs less than two writes.
_JOINED_BYTES = 64 << 10
Request = tuple[bytes, ...]


def request_of(head: bytes, body: bytes) -> Request:
    """The bytes of a request. A large body is not copied behind its head."""
    return (head + body,) if len(body) < _JOINED_BYTES else (head, body)


class Handler(Protocol):
    """The receiver of an engine's answer."""

    @property
    def wanted(self) -> bool:
        """Whether the answer is still waited for."""

    def upstream_connected(self, connection: HttpConnection) -> None:
        """The request is on its way on this connection."""

    def upstream_data(self, status: int, data: bytes) -> None:
        """Some bytes of the answer's body."""

    def upstream_end(self, status: int) -> None:
        """The answer is complete."""

    def upstream_lost(self, error: ApiError) -> None:
        """The answer is missing, or broken off."""


class Owner(Protocol):
    """The interface of the pool for its connections."""

    def idle(self, connection: HttpConnection) -> None:
        """The connection can take another request."""

    def closed(self, connection: HttpConnection) -> None:
        """The connection is gone."""

    def again(self, handler: Handler, request: Request) -> None:
        """A kept connection was lost before the first byte of the answer."""


class HttpConnection(asyncio.Protocol):
    """Sends one request at a time and passes the answer to its handler."""

    # Those of the answer, where the connection is one that keeps them.
    headers: Sequence[tuple[bytes, bytes]] = ()
    # The status of a stream that its server has reported as failed; 0 without that.
    stream_status = 0

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._handler: Handler | None = None
        self._request: Request | None = None
        self._parts: list[bytes] = []
        self._status = 0
        self._reused = False
        self._headed = False
        self._complete = False
        self._reusable = False
        self._head_bytes = self._interim = 0
        self.released_at: float | None = None

    def usable(self) -> bool:
        """Whether a request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, handler: Handler, request: Request, reused: bool) -> None:
        """Sends a whole request; `reused` permits one repetition if nothing at all comes back."""
        assert self._transport is not None
        self._handler, self._request, self._reused = handler, request, reused
        self._headed = False
        self._head_bytes = self._interim = 0
        self.released_at = None
        for part in request:
            self._transport.write(part)
        handler.upstream_connected(self)

    def release(self, now: float) -> None:
        """The handler needs no more; the short rest of the answer is read and dropped."""
        self._handler = None
        self.released_at = now

    def abort(self) -> None:
        """Closes at once, which makes the engine abort the request."""
        self._handler = None
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        """Stops reading while the client's buffer is full."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Reads on."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """asyncio: the socket is open."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes from the engine."""
        handler = self._handler
        if handler is None and self.released_at is None:
            self.abort()  # there was no request
            return
        self._request = None
        readable = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            readable = False
        if not self._headed:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_ANSWER_HEAD_BYTES:
                readable = False
        if self._parts:
            body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts = []
            if handler is not None:
                handler.upstream_data(self._status, body)
        if self._complete:
            # What came behind the end of an answer belongs to no request.
            self._reusable = self._reusable and readable
            self._end()
        elif not readable:
            self._lose(engine_failed(UNREADABLE))

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the socket is gone."""
        self._transport = None
        self._owner.closed(self)
        handler, request, self._handler = self._handler, self._request, None
        if handler is None:
            return
        if request is not None and self._reused:
            self._owner.again(handler, request)
        else:
            handler.upstream_lost(engine_failed(BROKEN))

    def on_message_begin(self) -> None:
        """httptools: an answer begins. Raises what stops the parser if there was no request."""
        if self._complete:
            raise ValueError("bytes after the end of the answer")

    def on_headers_complete(self) -> None:
        """httptools: status and headers are there. Raises what stops the parser if they are no answer's."""
        status = self._parser.get_status_code()
        if status < 200:
            self._interim += 1
            if self._interim > MAX_INTERIM_ANSWERS or status < 100:
                raise ValueError("no answer")
            return
        if status > 599:
            raise ValueError("no status")
        self._status, self._headed = status, True

    def on_body(self, data: bytes) -> None:
        """httptools: a piece of the body. An interim answer has none."""
        if not self._headed:
            raise ValueError("an interim answer with a body")
        self._parts.append(data)

    def on_message_complete(self) -> None:
        """httptools: the answer is complete (an interim one, as 100, is not)."""
        self._complete = self._headed
        self._reusable = self._parser.should_keep_alive()

    def _end(self) -> None:
        handler, self._handler = self._handler, None
        self._complete = False
        if self._reusable:
            self._owner.idle(self)
        else:
            self.abort()
        if handler is not None:
            handler.upstream_end(self._status)

    def _lose(self, error: ApiError) -> None:
        handler = self._handler
        self.abort()
        if handler is not None:
            handler.upstream_lost(error)
