"""A client's request as the router forwards it (path and end-to-end headers), and the receiver of the pod's
answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fairlead_gateway.client_link import Client
from fairlead_gateway.request_id import REQUEST_ID_HEADER
from fairlead_gateway.routes import ROUTER_HEADER, ApiRoute
from fairlead_gateway.trace_context import TRACE_PARENT, TRACE_STATE
from fairlead_gateway.upstream.connection import Request, request_of

# Headers of one connection (RFC 9110, 7.6.1), or set again for the forwarded body.
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"content-length",
        b"expect",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# For the router, which clients cannot be.
_HOLD_SECONDS, _PING = b"x-fairlead-hold-seconds", b"x-fairlead-ping"
_LONGEST_NUMBER = 9
# Those of the router itself, and those that it checks and sends as its own.
_DROPPED = HOP_BY_HOP | {
    ROUTER_HEADER,
    _HOLD_SECONDS,
    _PING,
    REQUEST_ID_HEADER,
    TRACE_PARENT,
    TRACE_STATE,
}
_DROPPED_WITH_KEY = _DROPPED | {b"authorization"}


Headers = Sequence[tuple[bytes, bytes]]


class PassingClient(Client, Protocol):
    """Takes an answer of the router's own, or a pod's as it is."""

    def pass_head(self, status: int, headers: Headers) -> None:
        """Status and headers of a pod's answer."""

    def pass_data(self, data: bytes) -> None:
        """Some bytes of its body."""

    def pass_end(self) -> None:
        """It is complete."""


class ClientRequest:
    """The parts of a request beside its body. `authorization` is the header's value, b"" if there is none;
    `hold_seconds` is the client's bound of the wait; with `unpinged` a waiting stream is not opened early for
    keep-alive comments. `own` are header lines of the router's: the request's id and its trace. With
    `identified` the client's key is not passed on: `to_pod` gets an identity in its place.
    """

    __slots__ = ("_head", "authorization", "endpoint", "hold_seconds", "host", "unpinged")

    def __init__(self, endpoint: ApiRoute, headers: Headers, own: bytes, identified: bool) -> None:
        self.endpoint = endpoint
        self.host = ""
        self.authorization = b""
        self.hold_seconds: int | None = None
        self.unpinged = False
        lines = [b"POST %b HTTP/1.1\r\n" % endpoint.path]
        dropped = _DROPPED_WITH_KEY if identified else _DROPPED
        for name, value in headers:
            if name not in dropped:
                lines.append(b"%b: %b\r\n" % (name, value))
                if name == b"host":
                    self.host = value.decode("latin-1").lower()
                elif name == b"authorization":
                    self.authorization = value
            elif name == _HOLD_SECONDS and value.isdigit() and len(value) <= _LONGEST_NUMBER:
                self.hold_seconds = int(value)
            elif name == _PING:
                self.unpinged = value.lower() == b"off"
        if not self.host:
            lines.append(b"host: router\r\n")
        lines.append(own)
        self._head = b"".join(lines)

    def to_pod(self, body: bytes, router: str, identity: bytes) -> Request:
        """The request for a gateway, from the router of this name. `identity` is the value of the
        Authorization header; b"" leaves that of the client, if any.
        """
        own = b"%b: %b\r\ncontent-length: %d\r\n\r\n" % (ROUTER_HEADER, router.encode(), len(body))
        if identity:
            own = b"authorization: %b\r\n%b" % (identity, own)
        return request_of(self._head + own, body)
