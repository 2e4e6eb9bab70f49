"""uvicorn's HTTP protocol with a short way for the generation routes.

A generation request goes from the parser's callbacks straight into an `Answer`; every other request takes
uvicorn's usual way to the ASGI application on the same port. ASGI's task, queue and messages per request cost
several times the relay itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any
from urllib.parse import unquote_to_bytes

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fairlead_gateway.admission.door import Door
from fairlead_gateway.contract.errors import invalid
from fairlead_gateway.host import Host
from fairlead_gateway.routes import Endpoint

from .answer import Answer


def short_way(host: Host, answer: type[Answer]) -> type[asyncio.Protocol]:
    """The protocol class for uvicorn's `http` setting: POSTs to `host.routes` become an `answer`."""
    return type("ApiProtocol", (_ApiProtocol,), {"_services": host, "_answer": answer})


class _ApiProtocol(HttpToolsProtocol):
    _services: Host
    _answer: type[Answer]
    _door: Door
    # Whose turn it is to be answered, if that one takes the short way. uvicorn's `cycle` is the request that
    # arrived last, which may still have to wait in `pipeline`.
    _current: Answer | None = None
    # Since when nothing has been under way on the connection. uvicorn's timer per request costs more than
    # looking at all connections once a second.
    _idle_since: float | None = None
    # Bytes that a body still lacks which the parser does not read (`_take_unparsed`).
    _unparsed = 0
    cycle: Any
    pipeline: deque[Any]

    def data_received(self, data: bytes) -> None:
        self._idle_since = None
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        if self._unparsed:
            self._take_unparsed(data)
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.cycle.keep_alive = False
            if isinstance(self.cycle, Answer):
                self._unparsed = self.cycle.content_length
                self._take_unparsed(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("The request is not valid HTTP.")

    def _take_unparsed(self, data: bytes) -> None:
        """The body of a request that offers another protocol, which the parser takes for that protocol's.

        Java's HTTP client offers HTTP/2 on each request and goes on with HTTP/1.1 when nobody takes it up.
        """
        body = data[: self._unparsed]
        self._unparsed -= len(body)
        if body:
            self.cycle.receive(body)
        if not self._unparsed:
            self.cycle.received()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._door = Door()
        self._idle_since = self._services.clock()
        self._services.active.add(self)

    def tick(self, now: float) -> None:
        """Closes a connection on which nothing happens."""
        if self._idle_since is not None and now - self._idle_since > self.timeout_keep_alive:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._services.active.discard(self)
        queued = [cycle for cycle, _ in self.pipeline if isinstance(cycle, Answer)]
        for answer in (self._current, *queued):
            if answer is not None:
                answer.client_gone()
        if isinstance(self.cycle, Answer):
            self.cycle = None
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._current is not None:
            self._current.pause()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._current is not None:
            self._current.resume()

    def send_400_response(self, msg: str) -> None:
        body = invalid(msg, code="invalid_request").body()
        head = (
            f"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            f"x-request-id: req_{self._services.next_token()}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    # The parser's callbacks

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        endpoint = self._endpoint()
        if endpoint is None:
            url, headers, expects = self.url, self.headers, self.expect_100_continue
            super().on_message_begin()
            self.url, self.expect_100_continue = url, expects
            self.headers += headers
            super().on_headers_complete()
            return
        before = self.cycle
        answer = self._answer(
            self._services,
            endpoint,
            self.headers,
            self._door,
            self.transport,
            self.parser.get_http_version() == "1.0",
            self.parser.should_keep_alive(),
            self._services.default_headers(self.server_state.default_headers),
            self._answered,
        )
        self.cycle = answer
        if before is None or before.response_complete:
            self._current = answer
            answer.start()
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((answer, self.app))

    def on_body(self, body: bytes) -> None:
        if isinstance(self.cycle, Answer):
            self.cycle.receive(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not isinstance(self.cycle, Answer):
            super().on_message_complete()
        elif not self.parser.should_upgrade():
            self.cycle.received()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Called by uvicorn when it is the turn of a request, also of one that had to wait for others."""
        if isinstance(cycle, Answer):
            self._current = cycle
            cycle.start()
        else:
            super()._start_asgi_task(cycle, app)

    def _answered(self) -> None:
        self._current = None
        if self.pipeline or self.flow.read_paused:
            self.on_response_complete()
        else:
            self._idle_since = self._services.clock()

    def _endpoint(self) -> Endpoint | None:
        if self.parser.get_method() != b"POST":
            return None
        routes = self._services.routes
        endpoint = routes.get(self.url)
        if endpoint is None and (b"?" in self.url or b"%" in self.url):
            endpoint = routes.get(unquote_to_bytes(self.url.partition(b"?")[0]))
        return endpoint
