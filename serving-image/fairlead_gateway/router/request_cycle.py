"""The client's side of one request: as in the gateway, but a pod's answer is forwarded unchanged."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from fairlead_gateway.routes import LOAD_HEADER
from fairlead_gateway.server.fast_path import fast_path
from fairlead_gateway.server.request_cycle import RequestCycle

from .forwarding import Forwarding
from .request import HOP_BY_HOP, ClientRequest, Headers
from .router_context import RouterContext

_NOT_PASSED = HOP_BY_HOP | {LOAD_HEADER}


def router_protocol(services: RouterContext) -> type[asyncio.Protocol]:
    """The protocol class for uvicorn's `http` setting: POSTs to `services.routes` go to a pod."""
    return fast_path(services, RoutedRequestCycle)


class RoutedRequestCycle(RequestCycle[RouterContext]):
    """One request to a model and its answer."""

    # `_sized`: the answer has a Content-Length, so its body is passed on without framing.
    __slots__ = ("_sized",)

    def pass_head(self, status: int, headers: Headers) -> None:
        """Status and end-to-end headers of a pod's answer."""
        if self._services.draining:
            self.keep_alive = False
        length = b""
        parts = [STATUS_LINE.get(status) or b"HTTP/1.1 %d \r\n" % status]
        for name, value in headers:
            if name == b"content-length":
                length = value
            elif name not in _NOT_PASSED:
                parts.append(b"%b: %b\r\n" % (name, value))
        self._sized = bool(length)
        if length:
            parts.append(b"content-length: %b\r\n" % length)
        elif self._chunked:
            parts.append(b"transfer-encoding: chunked\r\n")
        else:
            self.keep_alive = False
        if not self.keep_alive:
            parts.append(b"connection: close\r\n")
        parts.append(b"\r\n")
        self._transport.write(b"".join(parts))

    def pass_data(self, data: bytes) -> None:
        """Some bytes of its body."""
        if self._sized:
            self._transport.write(data)
        else:
            self.write(data)

    def pass_end(self) -> None:
        """It is complete."""
        if self._sized:
            self._complete()
        else:
            self.finish(b"")

    def _use(self, body: bytes) -> None:
        self._sized = False
        request = ClientRequest(self._endpoint, self._headers)
        work = Forwarding(self._services, self, request, self._token, self._arrived, self._holder)
        self._work = work
        work.begin(body)
