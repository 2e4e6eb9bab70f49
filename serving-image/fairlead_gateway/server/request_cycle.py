"""The client's side of one exchange: its request's body comes in, the answer goes out, on one connection.

What is done with a request that is here as a whole is up to the subclass. An answer stands where uvicorn's
protocol keeps the cycle of an ASGI request, hence the public flags.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar
from urllib.parse import quote

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from fairlead_gateway.admission.connection_auth import ConnectionAuth
from fairlead_gateway.admission.key import Key
from fairlead_gateway.bounds import (
    MIN_UPLOAD_BYTES_PER_SECOND,
    UNCOUNTED_BYTES,
    UPLOAD_GRACE_SECONDS,
    UPLOAD_SECONDS,
)
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.request_facts import RequestFacts
from fairlead_gateway.request_id import OWN_LINE, REQUEST_ID_HEADER, header_line, id_in
from fairlead_gateway.routes import ROUTER_HEADER, STREAM_STATUS_TRAILER, ApiRoute
from fairlead_gateway.server_context import ServerContext
from fairlead_gateway.trace_context import TRACE_PARENT, TraceContext, carried

from .head import Fields, Headers

_HEAD = b"%b%b%b%b%b"
_JSON = b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
_OF_STREAM = (
    b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n"
)
_STREAM = _OF_STREAM + b"\r\n"
_CHUNKED_STREAM = _OF_STREAM + b"transfer-encoding: chunked\r\n\r\n"
_LONGEST_HEADER = 2000
_NO_LABELS: Mapping[str, str] = MappingProxyType({})


class Work(Protocol):
    """The work on a request that has arrived as a whole."""

    def client_gone(self) -> None:
        """The client has closed its connection."""

    def pause(self) -> None:
        """The client takes no more for now."""

    def resume(self) -> None:
        """The client takes bytes again."""

    def tick(self, now: float) -> None:
        """About a second has passed."""


ContextT = TypeVar("ContextT", bound=ServerContext)


class RequestCycle(ABC, Generic[ContextT]):
    """One request and its answer. `done` is called when both are complete.

    `headers` are as they came, for what passes them on; `fields` are their values by name.
    `http_1_0`: HTTP/1.0 knows neither chunks nor, here, kept connections; nginx proxies speak it by default.
    """

    __slots__ = (
        "_arrived",
        "_body",
        "_charged",
        "_chunked",
        "_default_headers",
        "_done",
        "_endpoint",
        "_error",
        "_expects_continue",
        "_headers",
        "_holder",
        "_id_line",
        "_key",
        "_labels",
        "_last_part_at",
        "_my_turn",
        "_own_id",
        "_router",
        "_services",
        "_size",
        "_token",
        "_trace",
        "_transport",
        "_whole",
        "_work",
        "content_length",
        "keep_alive",
        "response_complete",
    )

    def __init__(
        self,
        services: ContextT,
        endpoint: ApiRoute,
        headers: Headers,
        fields: Fields,
        auth: ConnectionAuth,
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
        self._headers, self._default_headers = headers, default_headers
        self._token = services.next_token()
        self._body: bytes | bytearray | None = None
        self._size = self._charged = 0
        self._whole = self._my_turn = self._expects_continue = False
        self._arrived = self._last_part_at = services.clock()
        self._work: Work | None = None
        self._labels = _NO_LABELS
        self._error: ApiError | None = None
        self._key: Key | None = None
        self._holder = auth.address
        services.active.add(self)
        self._read(fields, auth)
        if self.content_length > services.max_body_bytes and self._error is None:
            self._error = self._too_large()

    # The request

    def _read(self, fields: Fields, auth: ConnectionAuth) -> None:
        """Takes what it needs of the headers, which alone decide whether the body is worth reading."""
        services = self._services
        # Most direct clients send no id, and most requests belong to no trace.
        given = fields.get(REQUEST_ID_HEADER)
        token = self._token
        self._own_id = given is None
        self._id_line = OWN_LINE % token.encode() if given is None else header_line(given, token)
        self._trace: TraceContext | None = None
        if services.tracing is not None:
            self._trace = services.tracing.begin(self._endpoint.path, fields)
        elif TRACE_PARENT in fields:
            self._trace = carried(fields)
        self._router = fields.get(ROUTER_HEADER, b"")
        self.content_length = int(fields.get(b"content-length", 0))
        if b"expect" in fields:
            # RFC 9110, 10.1.1: a client of HTTP/1.0 knows no interim answers.
            self._expects_continue = self._chunked and fields[b"expect"].lower() == b"100-continue"
        if b"content-encoding" in fields or b"transfer-encoding" in fields:
            self._error = _fault_of_coding(fields)
        if services.log_headers:
            found = {label: fields[name] for name, label in services.log_headers.items() if name in fields}
            self._labels = {label: value.decode("latin-1") for label, value in found.items()}
        if services.keyed:
            try:
                self._key = auth.check(services.keys, fields.get(b"authorization", b""), services.attempts)
                self._holder = auth.holder
            except ApiError as error:
                self._error = self._error or error

    def start(self) -> None:
        """The answers to all earlier requests on the connection are written."""
        self._my_turn = True
        if self._error is not None:
            self._refuse(self._error)
        elif self._whole:
            self._begin()
        elif self._expects_continue:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def receive(self, data: bytes) -> None:
        """A piece of the request's body."""
        self._size += len(data)
        services = self._services
        limit = services.max_body_bytes
        if self._error is None and self._size <= UNCOUNTED_BYTES and self._size <= limit:
            self._keep(data)
            return
        if self._error is None:
            more = self._size - self._charged
            if self._size > limit:
                self._error = self._too_large()
            elif services.memory.take(self._holder, more):
                self._charged += more
                self._keep(data)
                return
            else:
                self._error = services.overload()
        self._give_back()
        if self._my_turn and not self.response_complete:
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

    def spoil(self, error: ApiError) -> None:
        """The request's body will never be complete: the error is the last answer on the connection.

        The protocol closes it.
        """
        self._whole = True
        self.keep_alive = False
        self._error = self._error or error
        if self.response_complete:
            self._complete()
        elif self._my_turn:
            self._refuse(self._error)

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
        elif self._my_turn and not self._whole and (error := self._upload_fault(now)) is not None:
            if self.response_complete:
                self._transport.abort()
            else:
                self._refuse(error)

    def _upload_fault(self, now: float) -> ApiError | None:
        """The error about the pace of an upload, if any."""
        seconds, taken = self._services.upload_seconds, now - self._arrived
        if now - self._last_part_at > seconds:
            message = f"The request's body paused for {seconds:g} s."
        elif taken > UPLOAD_SECONDS:
            message = f"The request's body was not complete within {UPLOAD_SECONDS:g} s."
        elif taken > UPLOAD_GRACE_SECONDS and self._size < taken * MIN_UPLOAD_BYTES_PER_SECOND:
            rate = MIN_UPLOAD_BYTES_PER_SECOND
            message = f"The request's body arrived at less than {rate} bytes per second."
        else:
            return None
        return ApiError(408, message, "request_timeout")

    # The answer (exchange.Client)

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Writes a whole JSON answer."""
        self._transport.write(self._head(status, headers, _JSON % (len(body), body)))
        self._complete()

    def start_stream(self, headers: Mapping[str, str]) -> None:
        """Writes the head of an event stream."""
        if not self._chunked:
            self.keep_alive = False
        self._transport.write(self._head(200, headers, _CHUNKED_STREAM if self._chunked else _STREAM))

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

    def break_off(self, data: bytes, status: int) -> None:
        """Writes the end of a stream that has failed. A router gets its status too: the head said 200."""
        if not self._router or not self._chunked:
            self.finish(data)
            return
        part = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        self._transport.write(b"%b0\r\n%b: %d\r\n\r\n" % (part, STREAM_STATUS_TRAILER, status))
        self._complete()

    def abort(self) -> None:
        """Closes the connection without another byte."""
        self._transport.abort()

    def _begin(self) -> None:
        body, self._body = self._body, None
        self._use(body if type(body) is bytes else bytes(body or b""))

    def _keep(self, data: bytes) -> None:
        """Keeps a piece of the body. Joined at once: an object for each of many small pieces costs more."""
        if self._body is None:
            self._body = data
            return
        if type(self._body) is bytes:
            self._body = bytearray(self._body)
        self._body += data
        self._last_part_at = self._services.clock()

    @abstractmethod
    def _use(self, body: bytes) -> None:
        """The request is here as a whole: makes `_work` of it."""

    def _refuse(self, error: ApiError) -> None:
        """Answers before the request is complete; what still comes of it is read and dropped."""
        self.keep_alive = False
        self._error = error
        self._give_back()
        telemetry, name = self._services.telemetry, self._endpoint.name
        telemetry.count_reject(name, error.code)
        seconds = self._services.clock() - self._arrived
        telemetry.count_request(name, error.status, seconds)
        facts = RequestFacts(id_in(self._id_line), name, error.status, seconds, code=error.code)
        facts.key = None if self._key is None else self._key.name
        self._services.report(facts, self._trace)
        self.answer(error.status, error.headers, error.body())

    def _too_large(self) -> ApiError:
        limit = self._services.max_body_bytes
        return ApiError(413, f"The request body is larger than {limit} bytes.", "request_too_large")

    def _head(self, status: int, more: Mapping[str, str], end: bytes) -> bytes:
        """The head of an answer; `end` are its last lines and what follows it."""
        # Only a router reads more.
        rest = self._more_head() if self._router else b""
        if self._services.draining:
            # Clients that keep connections open must find another pod for their next request.
            self.keep_alive = False
        if not self.keep_alive:
            rest += b"connection: close\r\n"
        if more:
            rest += b"".join(b"%b: %b\r\n" % (name.encode(), _safe(value)) for name, value in more.items())
        return _HEAD % (STATUS_LINE[status], self._default_headers, self._id_line, rest, end)

    def _more_head(self) -> bytes:
        """Further header lines of an answer to a router."""
        return b""

    def _complete(self) -> None:
        """The answer is written; when the request is here as a whole, both are over."""
        self.response_complete = True
        if not self._whole:
            return
        self._work = None  # it knows this answer: without a circle there is less to collect
        self._forget()
        self._done()

    def body_sent(self) -> None:
        """The body is not kept any more (exchange.Client)."""
        self._give_back()

    def _give_back(self) -> None:
        """Drops the body and gives the memory back that it took."""
        self._body = None
        if self._charged:
            self._services.memory.give_back(self._holder, self._charged)
            self._charged = 0

    def _forget(self) -> None:
        self._services.active.discard(self)
        if self._body is not None or self._charged:
            self._give_back()


def _fault_of_coding(fields: Fields) -> ApiError | None:
    """Bodies are read as they are: what a packed one grows to is not known before."""
    if fields.get(b"content-encoding", b"").strip().lower() not in (b"", b"identity"):
        header = "Content-Encoding"
    elif fields.get(b"transfer-encoding", b"chunked").strip().lower() not in (b"", b"chunked"):
        header = "Transfer-Encoding other than chunked"
    else:
        return None
    message = f"The request's body has a {header}. Send it without one."
    return ApiError(415, message, "unsupported_media_type", headers={"accept-encoding": "identity"})


def _safe(value: str) -> bytes:
    """A header's value: names of ignored parameters are the client's text and may hold anything."""
    if not (value.isascii() and value.isprintable()):
        value = quote(value, safe=" ,;:=_.-[]()'\"/")
    return value[:_LONGEST_HEADER].encode()
