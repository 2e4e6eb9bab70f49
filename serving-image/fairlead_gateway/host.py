"""What the HTTP layer needs of whoever serves requests with it: a gateway or a router."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from .admission.keys import KeyRing
from .contract.errors import ApiError
from .routes import Endpoint


class Ticking(Protocol):
    """Something whose time can run out."""

    def tick(self, now: float) -> None:
        """Called about once a second with the monotonic time."""


class Counts(Protocol):
    """The metrics of requests."""

    def count_request(self, endpoint: str, status: int, seconds: float, key: str = "") -> None:
        """Records one answered request; `key` is the name of the API key."""

    def count_reject(self, endpoint: str, code: str) -> None:
        """Records one answer in the error envelope."""


class Host(Protocol):
    """A gateway's or a router's services, as the HTTP layer sees them."""

    clock: Callable[[], float]
    active: set[Ticking]
    body_bytes: int
    """What all bodies of requests in flight take."""

    @property
    def routes(self) -> Mapping[bytes, Endpoint]:
        """The paths that take a POST with a generation request."""

    @property
    def log_headers(self) -> Mapping[bytes, str]:
        """Request headers that the request log repeats, and their names there."""

    @property
    def telemetry(self) -> Counts:
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
    def max_body_bytes(self) -> int:
        """The largest body of a request."""

    @property
    def upload_seconds(self) -> float:
        """How long a client may pause while it sends a body."""

    def overload(self) -> ApiError | None:
        """Why no more bytes of a body can be taken, if so."""

    def next_token(self) -> str:
        """32 hex digits, not used before."""

    def default_headers(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """uvicorn's headers for every answer (the date) as bytes."""
