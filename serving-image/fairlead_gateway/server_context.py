"""The interface between the HTTP layer and a gateway or router."""

from __future__ import annotations

import itertools
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from .admission.failed_key_attempts import FailedKeyAttempts
from .admission.fair_shares import FairShares
from .admission.keys import KeyRing
from .contract.errors import ApiError
from .cors import CorsPolicy
from .request_facts import RequestFacts
from .request_log import RequestLog
from .routes import ApiRoute
from .trace_context import TraceContext
from .tracing import Tracing

_log = logging.getLogger("fairlead.gateway")


class Ticking(Protocol):
    """Something that can time out."""

    def tick(self, now: float) -> None:
        """Called about once a second with the monotonic time."""


@runtime_checkable
class Connection(Protocol):
    """A connection of a client."""

    def unread_bytes(self) -> int:
        """Bytes that were written and that the client's machine has not acknowledged."""


class RequestCounter(Protocol):
    """The metrics of requests."""

    def count_request(self, endpoint: str, status: int, seconds: float, key: str = "") -> None:
        """Records one answered request; `key` is the name of the API key."""

    def count_reject(self, endpoint: str, code: str) -> None:
        """Records one answer in the error envelope."""


class ServerContext(Protocol):
    """A gateway's or a router's services, as the HTTP layer sees them."""

    clock: Callable[[], float]
    active: set[Ticking]
    memory: FairShares
    """Bytes of the bodies of all requests in flight, and of answers that are collected."""
    connections: FairShares
    """Open connections to the API port."""
    attempts: FailedKeyAttempts
    """Wrong API keys, by address."""
    max_body_bytes: int
    """The largest body of a request."""
    cors: CorsPolicy | None
    """The pages that may call from a browser; None for none."""
    request_log: RequestLog
    """Where requests that failed or were slow leave a line."""
    tracing: Tracing | None
    """Where generation requests leave spans; None while tracing is off."""

    @property
    def routes(self) -> Mapping[bytes, ApiRoute]:
        """The paths that take a POST with a generation request."""

    @property
    def log_headers(self) -> Mapping[bytes, str]:
        """Request headers that the request log has, and their names there."""

    @property
    def telemetry(self) -> RequestCounter:
        """Where requests are counted."""

    @property
    def keyed(self) -> bool:
        """Whether a request needs one of `keys`."""

    @property
    def keys(self) -> KeyRing:
        """The valid API keys."""

    @property
    def draining(self) -> bool:
        """Whether clients should use other connections for their next requests."""

    @property
    def upload_seconds(self) -> float:
        """How long a client may pause while it sends a body."""

    def report(self, facts: RequestFacts, trace: TraceContext | None) -> None:
        """Leaves a request that is over in the request log and as a span, where it is to be there."""

    def overload(self) -> ApiError:
        """Why no more bytes of a body can be taken."""

    def next_token(self) -> str:
        """32 hex digits, not used before."""

    def default_headers(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """uvicorn's headers for every answer (the date) as bytes."""


class BaseServerContext:
    """The common part of both."""

    def __init__(self, memory_bytes: int, max_connections: int) -> None:
        self.active: set[Ticking] = set()
        self.clock = time.monotonic
        self.cors: CorsPolicy | None = None
        self.memory, self.connections = FairShares(memory_bytes), FairShares(max_connections)
        self.attempts = FailedKeyAttempts(self.clock)
        self.request_log = RequestLog(self.clock)
        self.tracing: Tracing | None = None
        self.resource = ("", "")
        """Namespace and name of the ModelDeployment that all requests are for; empty where they differ."""
        self._default_headers: list[tuple[bytes, bytes]] = []
        self._rendered_headers = b""
        self._token_prefix = secrets.token_hex(8)
        self._token_numbers = itertools.count()

    def next_token(self) -> str:
        """32 hex digits, not used before."""
        return f"{self._token_prefix}{next(self._token_numbers):016x}"

    def default_headers(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """uvicorn's headers for every answer (the date) as bytes. It makes a new list each second."""
        if headers is not self._default_headers:
            self._default_headers = headers
            self._rendered_headers = b"".join(b"%b: %b\r\n" % header for header in headers)
        return self._rendered_headers

    def report(self, facts: RequestFacts, trace: TraceContext | None) -> None:
        """Leaves a request that is over in the request log and as a span, where it is to be there."""
        if facts.model is None and self.resource[1]:
            facts.namespace, facts.model = self.resource[0] or None, self.resource[1]
        if trace is not None:
            facts.trace_id = trace.trace_id
            trace.end(facts)
        self.request_log.add(facts)

    def unread_bytes(self) -> int:
        """Bytes that were written and that clients' machines have not acknowledged."""
        return sum(item.unread_bytes() for item in self.active if isinstance(item, Connection))

    def tick_all(self, now: float) -> None:
        """Ends everything that has timed out."""
        for item in tuple(self.active):
            try:
                item.tick(now)
            except Exception:  # a fault of one request must not take the others' time-outs away
                self.active.discard(item)
                _log.exception("Checking a request's timeouts failed")
