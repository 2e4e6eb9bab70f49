"""uvicorn's HTTP protocol with bounds on the memory and the time of one connection.

The parser itself has no bounds: it collects a head of any size, and a header that never ends costs quadratic
time. So bytes and headers are counted after each read, and refused data is not kept.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, NoReturn

import httptools

from fairlead_gateway.admission.fair_shares import FairShares, address_holder
from fairlead_gateway.bounds import (
    FRAMING_RATIO,
    HEAD_SECONDS,
    MAX_ADMIN_CONNECTIONS,
    MAX_FRAMING_BYTES,
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    MAX_PIPELINED,
    MAX_URL_BYTES,
    STALLED_READER_SECONDS,
    UPLOAD_SECONDS,
)
from fairlead_gateway.contract.errors import ApiError, invalid
from fairlead_gateway.server_context import ServerContext

from .head import Fields, Headers, check_host, fields_of, read_target, with_host
from .parting import PartingProtocol

# What the parser reads next.
_IDLE, _HEAD, _BODY = range(3)
_FRAMING = (b"content-length", b"transfer-encoding")
_log = logging.getLogger("fairlead.gateway")


class _Refused(Exception):  # noqa: N818 - a way out of the parser, not an error of the program
    """Raised in the parser's callbacks to stop it."""


def admin_protocol(services: ServerContext) -> type[asyncio.Protocol]:
    """The protocol class of an admin port, whose connections are counted apart from those of the API."""

    connections = FairShares(MAX_ADMIN_CONNECTIONS)

    class AdminProtocol(BoundedProtocol):
        __slots__ = ()

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._services, self._connections = services, connections

    return AdminProtocol


class BoundedProtocol(PartingProtocol):
    """One connection. Requests go to the ASGI application, as in uvicorn."""

    __slots__ = (
        "_began",
        "_body_bytes",
        "_connections",
        "_counted",
        "_fields",
        "_head",
        "_head_bytes",
        "_idle_since",
        "_messages",
        "_method",
        "_phase",
        "_plain_line",
        "_refusal",
        "_repeating",
        "_version",
        "_wire_bytes",
        "peer",
    )
    _connections: FairShares
    _head: Headers
    _fields: Fields

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Holder of shares: the client's address.
        self.peer = ""
        self._counted = False
        self._refusal: ApiError | None = None
        self._phase = _IDLE
        # When a request was first incomplete after a read. Most are complete, and reading the clock costs
        # time.
        self._began: float | None = None
        # Bytes read since a head began; those of a body and its framing; messages that began in this read.
        self._head_bytes = self._wire_bytes = self._body_bytes = self._messages = 0
        # The parser reads the framing of a request again whose head was already read.
        self._repeating = False
        # The request whose head was read last.
        self._method, self._version = b"", ""
        # Method, target and Host of an earlier request, already checked. Most connections have only one.
        self._plain_line: tuple[bytes, bytes, bytes | None] | None = None
        # Since when the connection is idle. uvicorn's timer per request costs more than a check of all
        # connections once a second.
        self._idle_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.peer = address_holder(self.client[0]) if self.client else ""
        self._services.active.add(self)
        self._idle_since = self._services.clock()
        self._counted = self._connections.take(self.peer, 1)
        if not self._counted:
            message = "Too many connections are open, from this address or in all; try again later."
            refused = ApiError(503, message, "too_many_connections", headers={"retry-after": "1"})
            self.transport.write(self._last_answer(refused))
            self.close_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        self._services.active.discard(self)
        if self._counted:
            self._counted = False
            self._connections.give_back(self.peer, 1)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            self._drop(data)
            return
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        before = self._phase
        self._head_bytes = self._head_bytes + len(data) if before == _HEAD else len(data)
        self._messages = 0
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._read_on(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._stop(error)
        if self._phase != _IDLE and not self._deaf:
            self._count(before, len(data))

    def tick(self, now: float) -> None:
        """Ends what takes too long. Called about once a second."""
        if self.flow.write_paused or self.transport.is_closing() or self._linger_until is not None:
            self._watch_reader(now)
        if self._phase != _IDLE and self._began is None:
            self._began = now
        taken = 0.0 if self._began is None else now - self._began
        if self._linger_until is not None:
            self._end_lingering(now, self._linger_until)
        elif self._phase == _HEAD and taken > HEAD_SECONDS and not self.flow.read_paused:
            message = f"The request's headers did not arrive within {HEAD_SECONDS:g} s."
            self._refuse(ApiError(408, message, "request_timeout"))
        elif self._phase == _BODY and taken > UPLOAD_SECONDS and not self._under_way():
            self.transport.abort()
        elif self._idle_since is not None and self._is_over(now - self._idle_since):
            self.close_idle()

    def _is_over(self, idle_seconds: float) -> bool:
        """Whether an idle connection is to end. Not while its client still reads: the kernel would go on to
        send, but a drain would not know of it.
        """
        if idle_seconds <= self.timeout_keep_alive:
            return False
        return idle_seconds > STALLED_READER_SECONDS or not self.unread_bytes()

    # The parser's callbacks

    def on_message_begin(self) -> None:
        if self._repeating:
            return
        self._messages += 1
        if self._messages > MAX_PIPELINED:
            raise _Refused
        self._phase = _HEAD
        self._began = self._idle_since = None
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        # uvicorn's looks for `Expect` besides.
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._begin_body():
            self._begin_cycle()

    def _begin_cycle(self) -> None:
        """Hands the request to the ASGI application."""
        url, trailers = self.url, self.headers
        # RFC 9110, 10.1.1: a client of HTTP/1.0 knows no interim answers.
        expectations = [value.lower() for name, value in self._head if name == b"expect"]
        expects = self._version != "1.0" and b"100-continue" in expectations
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += self._head
        super().on_headers_complete()
        self.cycle.transport = _AnswerTransport(self)
        self.headers = trailers

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Called by uvicorn when it is the turn of a request."""
        super()._start_asgi_task(cycle, _as_get(app) if cycle.scope["method"] == "HEAD" else app)

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._end_body():
            super().on_message_complete()

    def _begin_body(self) -> bool:
        """A head is complete. Whether it is that of a new request, within the bounds."""
        if self._repeating:
            self._repeating = False
            return False
        headers = self.headers
        if self._head_bytes > MAX_HEAD_BYTES:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in headers)
            if size > MAX_HEAD_BYTES:
                self._raise(_head_too_large())
        url = self.url
        # Here and below as few calls as possible: each request comes this way.
        if len(url) > MAX_URL_BYTES or len(headers) > MAX_HEADERS:
            self._refusal = self._too_much()
            raise _Refused
        parser = self.parser
        self._method, self._version = parser.get_method(), parser.get_http_version()
        fields = dict(headers)
        # As a rule each name is there once, and method, target and Host are those of the request before.
        if len(fields) != len(headers) or (self._method, url, fields.get(b"host")) != self._plain_line:
            fields = self._read_head()
        # What still comes is not a header of the request: a trailer, or the framing that `_read_on` repeats.
        self._head, self._fields, self.headers = self.headers, fields, []
        self._phase = _BODY
        self._wire_bytes = self._body_bytes = 0
        return True

    def _too_much(self) -> ApiError | None:
        """The error of a head beyond the bounds on the URL and the number of headers. Checked when a head is
        complete and after each read of the rest, not for each header: those of one read take a few MB, and
        are dropped.
        """
        if len(self.url) > MAX_URL_BYTES:
            return ApiError(414, f"The URL is longer than {MAX_URL_BYTES} bytes.", "uri_too_long")
        if len(self.headers) > MAX_HEADERS:
            return ApiError(431, f"The request has more than {MAX_HEADERS} headers.", "headers_too_large")
        return None

    def _read_head(self) -> Fields:
        """The fields of a head of any form. From here on the target is a path (or `*`), and the Host is the
        effective one.
        """
        method, target = self._method, self.url
        try:
            fields = fields_of(self.headers)
            host = fields.get(b"host")
            check_host(host, self._version)
            self.url, absolute = read_target(method, target)
        except ApiError as error:
            self._raise(error)
        if absolute is not None:
            self.headers, fields[b"host"] = with_host(self.headers, absolute), absolute
        elif self.url == target and host is not None:
            self._plain_line = (method, target, host)
        return fields

    def _end_body(self) -> bool:
        """Whether a request is complete: of one that offers another protocol the parser takes the body for
        that protocol's.
        """
        if self.parser.should_upgrade():
            return False
        self._phase = _IDLE
        return True

    def _under_way(self) -> bool:
        """Whether the request whose body is being read has its own timeouts."""
        return False

    def _spoil(self, error: ApiError) -> None:
        """The request whose body is being read will never be complete."""
        self.cycle.keep_alive = False

    # Bounds

    def _read_on(self, rest: bytes) -> None:
        """Reads a request with an Upgrade header as HTTP/1.1: Java's client offers HTTP/2 with each request,
        and continues when the offer is not accepted.
        """
        self.cycle.keep_alive = False
        framing = [b"%b: %b\r\n" % header for header in self._head if header[0] in _FRAMING]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._repeating = True
        try:
            self.parser.feed_data(b"".join([b"POST / HTTP/1.1\r\n", *framing, b"\r\n", rest]))
        except httptools.HttpParserUpgrade:
            # After a request that ends the connection.
            self._deaf = True
        except httptools.HttpParserError as error:
            self._stop(error)

    def _count(self, before: int, size: int) -> None:
        """Counts what was read of a head or a body that is not complete."""
        if (error := self._too_much()) is not None:
            self._refuse(error)
        elif self._messages > (before == _IDLE):
            # It began somewhere in this read, behind other messages. Counted from the next read on.
            self._head_bytes = self._wire_bytes = self._body_bytes = 0
        elif self._phase == _HEAD:
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(_head_too_large())
        else:
            self._wire_bytes += size
            framing = self._wire_bytes - self._body_bytes
            if framing > MAX_FRAMING_BYTES + self._body_bytes // FRAMING_RATIO:
                message = (
                    "The chunks of the request's body are too small. Send larger ones, or Content-Length."
                )
                self._refuse(invalid(message, code="invalid_request"))

    def _raise(self, error: ApiError) -> NoReturn:
        self._refusal = error
        raise _Refused

    def _stop(self, error: httptools.HttpParserError) -> None:
        """The parser failed: a callback stopped it, or the data is not HTTP."""
        cause = error.__context__
        if isinstance(cause, _Refused):
            self._refuse(self._refusal)
        elif cause is None or isinstance(cause, httptools.HttpParserError | UnicodeDecodeError):
            self._refuse(_not_http())
        else:
            _log.error("Reading a request failed", exc_info=cause)
            failed = ApiError(500, "The request could not be taken; the log says why.", "server_error")
            self._refuse(failed)

    def _refuse(self, error: ApiError | None) -> None:
        """Reads nothing more and closes when all is answered; the error, if any, is the last answer."""
        if self._deaf:
            return
        self._deaf = True
        # One read may have had very many, and the connection may be open for long.
        self.headers = []
        if self._phase == _BODY:
            self._spoil(error or _not_http())
        else:
            self._parting = error
        self._part()


class _AnswerTransport:
    """The transport as uvicorn's cycle uses it. It closes when the client has the answer."""

    __slots__ = ("close", "is_closing", "write")

    def __init__(self, protocol: PartingProtocol) -> None:
        self.write, self.is_closing = protocol.transport.write, protocol.transport.is_closing
        self.close = protocol.close_when_read


def _as_get(app: Any) -> Any:
    """The application for HEAD, with the answers of GET; uvicorn leaves their bodies out."""

    async def get(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "method": "GET"}, receive, send)

    return get


def _not_http() -> ApiError:
    return invalid("The request is not valid HTTP.", code="invalid_request")


def _head_too_large() -> ApiError:
    message = f"The request's line and headers are larger than {MAX_HEAD_BYTES} bytes."
    return ApiError(431, message, "headers_too_large")
