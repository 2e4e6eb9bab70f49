"""The gateway's answers: a request becomes an `Exchange` with the engine."""

from __future__ import annotations

import asyncio

from fairlead_gateway.exchange import Exchange
from fairlead_gateway.gateway_context import GatewayContext
from fairlead_gateway.request_id import engine_line

from .fast_path import fast_path
from .request_cycle import RequestCycle


def api_protocol(services: GatewayContext) -> type[asyncio.Protocol]:
    """The protocol class for uvicorn's `http` setting: POSTs to `services.routes` take the fast path."""
    return fast_path(services, EngineRequestCycle)


class EngineRequestCycle(RequestCycle[GatewayContext]):
    """One request to the engine and its answer."""

    __slots__ = ()

    def _use(self, body: bytes) -> None:
        # An id of our own is unique.
        lines = self._id_line if self._own_id else engine_line(self._id_line, self._token)
        if self._trace is not None:
            lines += self._trace.headers
        exchange = Exchange(
            self._services,
            self._endpoint,
            self,
            self._token,
            self._arrived,
            self._holder,
            self._router,
            self._id_line,
            lines,
            self._trace,
        )
        self._work = exchange
        exchange.begin(body, self._key, self._labels)

    def _more_head(self) -> bytes:
        return self._services.load_header()
