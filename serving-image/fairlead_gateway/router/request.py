"""A client's request as the router passes it on: path and headers, but for those of the connection."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead_gateway.routes import ROUTER_HEADER, ApiRoute
from fairlead_gateway.upstream.connection import Request, request_of

# Of one connection (RFC 9110, 7.6.1), or said anew of the body that is sent on.
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
_DROPPED = HOP_BY_HOP | {ROUTER_HEADER, _HOLD_SECONDS, _PING}


@dataclass(frozen=True, slots=True)
class RouterRoute(ApiRoute):
    """A generation API at one of its paths."""

    path: bytes


class ClientRequest:
    """What is not the body. `authorization` is the header's value, b"" if there is none; `hold_seconds` is
    how long the client lets its request wait at most; `unpinged` says that a waiting stream is not to be
    opened early for signs of life.
    """

    __slots__ = ("_head", "authorization", "endpoint", "hold_seconds", "host", "unpinged")

    def __init__(self, endpoint: RouterRoute, headers: list[tuple[bytes, bytes]]) -> None:
        self.endpoint = endpoint
        self.host = ""
        self.authorization = b""
        self.hold_seconds: int | None = None
        self.unpinged = False
        lines = [b"POST %b HTTP/1.1\r\n" % endpoint.path]
        for name, value in headers:
            if name not in _DROPPED:
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
        self._head = b"".join(lines)

    def to_pod(self, body: bytes, router: str) -> Request:
        """The request for a gateway, from the router of this name."""
        own = b"%b: %b\r\ncontent-length: %d\r\n\r\n" % (ROUTER_HEADER, router.encode(), len(body))
        return request_of(self._head + own, body)
