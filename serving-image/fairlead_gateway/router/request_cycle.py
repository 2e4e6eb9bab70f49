"""The client's side of one request: as in the gateway, but a pod's answer is forwarded unchanged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from fairlead_gateway.admission.connection_auth import ConnectionAuth
from fairlead_gateway.cors import CorsPolicy
from fairlead_gateway.request_id import REQUEST_ID_HEADER
from fairlead_gateway.routes import LOAD_HEADER
from fairlead_gateway.server.fast_path import fast_path
from fairlead_gateway.server.head import Fields
from fairlead_gateway.server.request_cycle import RequestCycle

from .forwarding import Forwarding
from .request import HOP_BY_HOP, ClientRequest, Headers
from .router_context import RouterContext

# A gateway of a version before this one answers with an id of its own, which is in no log.
_NOT_PASSED = HOP_BY_HOP | {LOAD_HEADER, REQUEST_ID_HEADER}


def router_protocol(services: RouterContext) -> type[asyncio.Protocol]:
    """The protocol class for uvicorn's `http` setting: POSTs to `services.routes` go to a pod."""
    policy = services.cors
    return fast_path(services, RoutedRequestCycle if policy is None else _cors_request_cycle(policy))


class RoutedRequestCycle(RequestCycle[RouterContext]):
    """One request to a model and its answer."""

    # `_sized`: the answer has a Content-Length, so its body is passed on without framing.
    __slots__ = ("_sized",)

    def pass_head(self, status: int, headers: Headers) -> None:
        """Status and end-to-end headers of a pod's answer."""
        if self._services.draining:
            self.keep_alive = False
        length = b""
        parts = [STATUS_LINE.get(status) or b"HTTP/1.1 %d \r\n" % status, self._id_line]
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
        own = self._id_line if self._trace is None else self._id_line + self._trace.headers
        key = self._key
        request = ClientRequest(self._endpoint, self._headers, own, identified=key is not None)
        work = Forwarding(
            self._services,
            self,
            request,
            self._token,
            self._arrived,
            self._holder,
            self._id_line,
            self._trace,
            key,
        )
        self._work = work
        work.begin(body)


def _cors_request_cycle(policy: CorsPolicy) -> type[RoutedRequestCycle]:
    """The request cycle of a router with CORS. A class of its own: where CORS is off, none of it runs."""
    of_origin = {origin: policy.answer_headers(origin) for origin in policy.origins}
    of_others = policy.answer_headers(None)

    class CorsRequestCycle(RoutedRequestCycle):
        """One request to a model, perhaps from a page of another origin, and its answer."""

        __slots__ = ("_cors",)

        def _read(self, fields: Fields, auth: ConnectionAuth) -> None:
            self._cors = of_origin.get(fields.get(b"origin", b""), of_others)
            super()._read(fields, auth)

        def pass_head(self, status: int, headers: Headers) -> None:
            # A pod's own, if it has any, would contradict the policy.
            own = [header for header in headers if not header[0].startswith(b"access-control-")]
            super().pass_head(status, own + self._cors)

        def _head(self, status: int, more: Mapping[str, str], end: bytes) -> bytes:
            lines = b"".join(b"%b: %b\r\n" % header for header in self._cors)
            return super()._head(status, more, lines + end)

    return CorsRequestCycle
