"""The client's side of one exchange: its request's body comes in, the answer goes out, on one connection.

What is done with a request that is here as a whole is up to the subclass. An answer stands where uvicorn's
protocol keeps the cycle of an ASGI request, hence the public flags.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import quote

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from fairlead_gateway.admission.door import Door
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.host import Host
from fairlead_gateway.routes import ROUTER_HEADER, Endpoint

_HEAD = b"%b%bx-request-id: req_%b\r\n%b"
_JSON = b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
_STREAM = (
    b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n"
)
_LONGEST_HEADER = 2000


class Work(Protocol):
    """What becomes of a request once it is here as a whole."""

    def client_gone(self) -> None:
        """Nobody reads the answer any more."""

    def pause(self) -> None:
        """The client takes no more for now."""

    def resume(self) -> None:
        """The client takes bytes again."""

    def tick(self, now: float) -> None:
        """About a second has passed."""


class Answer(ABC):
    """One request and its answer. `done` is called when both are complete.

    `http_1_0`: HTTP/1.0 knows neither chunks nor, here, kept connections; nginx proxies speak it by default.
    """

    __slots__ = (
        "_arrived",
        "_authorization",
        "_chunked",
        "_default_headers",
        "_done",
        "_door",
        "_endpoint",
        "_error",
        "_expects_continue",
        "_labels",
        "_last_part_at",
        "_my_turn",
        "_parts",
        "_routed",
        "_services",
        "_size",
        "_token",
        "_transport",
        "_whole",
        "_work",
        "content_length",
        "keep_alive",
        "response_complete",
    )

    def __init__(
        self,
        services: Host,
        endpoint: Endpoint,
        headers: list[tuple[bytes, bytes]],
        door: Door,
        transport: asyncio.Transport,
        http_1_0: bool,
        keep_alive: bool,
        default_headers: bytes,
        done: Callable[[], None],
    ) -> None:
        self.response_complete = False
        self.keep_alive = keep_alive and not http_1_0
        self._chunked = not http_1_0
        self._services, self._endpoint, self._transport, self._done = services, endpoint, transport, done
        self._door, self._default_headers = door, default_headers
        self._token = services.next_token()
        self._parts: list[bytes] = []
        self._size = self.content_length = 0
        self._whole = self._my_turn = self._expects_continue = self._routed = False
        self._arrived = self._last_part_at = services.clock()
        self._work: Work | None = None
        self._authorization = b""
        self._labels: dict[str, str] = {}
        self._error: ApiError | None = None
        services.active.add(self)
        log_headers = services.log_headers
        for name, value in headers:
            if name == b"content-length":
                self.content_length = int(value) if value.isdigit() else 0
            elif name == b"authorization":
                self._authorization = value
            elif name == b"expect":
                self._expects_continue = value.lower() == b"100-continue"
            elif name == ROUTER_HEADER:
                self._routed = True
            elif name in log_headers:
                self._labels[log_headers[name]] = value.decode("latin-1")

    # The request

    def start(self) -> None:
        """The answers to all earlier requests on the connection are written."""
        self._my_turn = True
        if self.content_length > self._services.max_body_bytes:
            self._error = self._too_large()
        if self._error is not None:
            self._refuse(self._error)
        elif self._whole:
            self._begin()
        elif self._expects_continue:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def receive(self, data: bytes) -> None:
        """A piece of the request's body."""
        services = self._services
        self._size += len(data)
        services.body_bytes += len(data)
        limit = services.max_body_bytes
        if self._error is None:
            self._error = self._too_large() if self._size > limit else services.overload()
        if self._error is None:
            self._parts.append(data)
            self._last_part_at = services.clock()
        elif self._my_turn and not self.response_complete:
            self._refuse(self._error)
        elif self._size > 2 * limit:  # a client that sends on although it was refused
            self._transport.abort()

    def received(self) -> None:
        """The request's body is complete."""
        self._whole = True
        if self.response_complete:
            self._complete()
        elif self._my_turn:
            self._begin()

    def client_gone(self) -> None:
        """The connection is lost."""
        self._forget()
        work, self._work = self._work, None
        if work is not None:
            work.client_gone()

    def pause(self) -> None:
        """The connection's buffer is full."""
        if self._work is not None:
            self._work.pause()

    def resume(self) -> None:
        """The connection's buffer has room again."""
        if self._work is not None:
            self._work.resume()

    def tick(self, now: float) -> None:
        """Ends an upload that does not move, and what waits for too long behind a whole one."""
        if self._work is not None:
            self._work.tick(now)
            return
        seconds = self._services.upload_seconds
        if now - self._last_part_at <= seconds or not self._my_turn:
            return
        if self.response_complete:
            self._transport.abort()
        else:
            self._refuse(ApiError(408, f"The request's body paused for {seconds:g} s.", "request_timeout"))

    # The answer (exchange.Client)

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Writes a whole JSON answer."""
        self._transport.write(self._head(status, headers) + _JSON % (len(body), body))
        self._complete()

    def start_stream(self, headers: Mapping[str, str]) -> None:
        """Writes the head of an event stream."""
        if not self._chunked:
            self.keep_alive = False
        framing = b"transfer-encoding: chunked\r\n\r\n" if self._chunked else b"\r\n"
        self._transport.write(self._head(200, headers) + _STREAM + framing)

    def write(self, data: bytes) -> None:
        """Writes a part of the stream."""
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def finish(self, data: bytes) -> None:
        """Writes the end of the stream."""
        if self._chunked:
            part = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
            self._transport.write(part + b"0\r\n\r\n")
        else:
            self._transport.write(data)
        self._complete()

    def abort(self) -> None:
        """Closes the connection without another byte."""
        self._transport.abort()

    def _begin(self) -> None:
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts = []
        self._use(body)

    @abstractmethod
    def _use(self, body: bytes) -> None:
        """The request is here as a whole: makes `_work` of it."""

    def _refuse(self, error: ApiError) -> None:
        """Answers before the request is complete; what still comes of it is read and dropped."""
        self.keep_alive = False
        self._parts = []
        telemetry, name = self._services.telemetry, self._endpoint.name
        telemetry.count_reject(name, error.code)
        telemetry.count_request(name, error.status, self._services.clock() - self._arrived)
        self.answer(error.status, error.headers, error.body())

    def _too_large(self) -> ApiError:
        limit = self._services.max_body_bytes
        return ApiError(413, f"The request body is larger than {limit} bytes.", "request_too_large")

    def _head(self, status: int, more: Mapping[str, str]) -> bytes:
        rest = self._more_head()
        if self._services.draining:
            # Clients that keep connections open must find another pod for their next request.
            self.keep_alive = False
        if not self.keep_alive:
            rest += b"connection: close\r\n"
        for name, value in more.items():
            rest += b"%b: %b\r\n" % (name.encode(), _safe(value))
        return _HEAD % (STATUS_LINE[status], self._default_headers, self._token.encode(), rest)

    def _more_head(self) -> bytes:
        """Header lines that every answer has besides."""
        return b""

    def _complete(self) -> None:
        """The answer is written; when the request is here as a whole, both are over."""
        self.response_complete = True
        if not self._whole:
            return
        self._work = None  # it knows this answer: without a circle there is less to collect
        self._forget()
        if not self.keep_alive:
            self._transport.close()
        self._done()

    def _forget(self) -> None:
        self._services.active.discard(self)
        self._services.body_bytes -= self._size
        self._size = 0


def _safe(value: str) -> bytes:
    """A header's value: names of ignored parameters are the client's text and may hold anything."""
    if not (value.isascii() and value.isprintable()):
        value = quote(value, safe=" ,;:=_.-[]()'\"/")
    return value[:_LONGEST_HEADER].encode()
