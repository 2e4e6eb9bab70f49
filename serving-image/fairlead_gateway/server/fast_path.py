"""uvicorn's HTTP protocol with a fast path for the generation routes.

A generation request goes from the parser's callbacks straight into a `RequestCycle`; every other request
takes uvicorn's usual way to the ASGI application on the same port. ASGI's task, queue and messages per
request cost several times the relay itself.
"""

from __future__ import annotations

import asyncio
from typing import Any, Generic
from urllib.parse import unquote_to_bytes

from fairlead_gateway.admission.connection_auth import ConnectionAuth
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.routes import ApiRoute

from .bounded_http import BoundedProtocol
from .request_cycle import ContextT, RequestCycle


def fast_path(services: ContextT, request_cycle: type[RequestCycle[ContextT]]) -> type[asyncio.Protocol]:
    """The protocol class for uvicorn's `http` setting: POSTs to `services.routes` become request cycles."""

    class ApiProtocol(_ApiProtocol[ContextT]):
        __slots__ = ()

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._services, self._connections = services, services.connections
            self._request_cycle = request_cycle

    return ApiProtocol


class _ApiProtocol(BoundedProtocol, Generic[ContextT]):
    __slots__ = ("_auth", "_current", "_reading", "_request_cycle")
    _services: ContextT
    _request_cycle: type[RequestCycle[ContextT]]
    _auth: ConnectionAuth

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # The request to be answered next, if it takes the fast path. uvicorn's `cycle` is the request that
        # arrived last, which may still wait in `pipeline`.
        self._current: RequestCycle[ContextT] | None = None
        # The request whose body is being read, if it takes the fast path. A check of the class of `cycle`
        # costs more: RequestCycle is an abstract class.
        self._reading: RequestCycle[ContextT] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._auth = ConnectionAuth(self.peer)

    def connection_lost(self, exc: Exception | None) -> None:
        queued = [cycle for cycle, _ in self.pipeline if isinstance(cycle, RequestCycle)]
        for cycle in (self._current, *queued):
            if cycle is not None:
                cycle.client_gone()
        if self._reading is not None:
            self.cycle = self._reading = None
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._current is not None:
            self._current.pause()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._current is not None:
            self._current.resume()

    def on_headers_complete(self) -> None:
        if not self._begin_body():
            return
        services = self._services
        endpoint = services.routes.get(self.url) if self._method == b"POST" else None
        if endpoint is None and (endpoint := self._endpoint_otherwise_spelt()) is None:
            self._reading = None
            self._begin_cycle()
            return
        before = self.cycle
        cycle = self._request_cycle(
            services,
            endpoint,
            self._head,
            self._fields,
            self._auth,
            self.transport,
            self._version == "1.0",
            self.parser.should_keep_alive(),
            services.default_headers(self.server_state.default_headers),
            self._answered,
        )
        self.cycle = self._reading = cycle
        if before is None or before.response_complete:
            self._current = cycle
            cycle.start()
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def on_body(self, body: bytes) -> None:
        cycle = self._reading
        if cycle is None:
            super().on_body(body)
        else:
            self._body_bytes += len(body)
            cycle.receive(body)

    def on_message_complete(self) -> None:
        cycle = self._reading
        if cycle is None:
            super().on_message_complete()
        elif self._end_body():
            cycle.received()

    def _under_way(self) -> bool:
        return self._reading is not None

    def _spoil(self, error: ApiError) -> None:
        if self._reading is not None:
            self._reading.spoil(error)
        else:
            super()._spoil(error)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Called by uvicorn when it is the turn of a request, also of one that had to wait for others."""
        if isinstance(cycle, RequestCycle):
            self._current = cycle
            cycle.start()
        else:
            super()._start_asgi_task(cycle, app)

    def _answered(self) -> None:
        cycle, self._current = self._current, None
        if cycle is not None and not cycle.keep_alive:
            self.close_when_read()
        elif self.pipeline or self.flow.read_paused or self._deaf:
            self.on_response_complete()
        else:
            self._idle_since = self._services.clock()

    def _endpoint_otherwise_spelt(self) -> ApiRoute | None:
        if self._method != b"POST" or (b"?" not in self.url and b"%" not in self.url):
            return None
        return self._services.routes.get(unquote_to_bytes(self.url.partition(b"?")[0]))
