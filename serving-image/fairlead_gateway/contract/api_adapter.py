"""The interface between the transport and the two APIs.

An adapter turns one client request into one chat-completions request of the engine, and the engine's answer
into the client's. It works on bytes alone, so that tests drive it without a server.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .errors import ApiError

if TYPE_CHECKING:
    from .policy import RequestPolicy
    from .request import EngineRequest


# Not frozen, as `EngineRequest` is not: one is made per request.
@dataclass(slots=True)
class Call:
    """Values that an adapter needs beside the request."""

    token: str
    """32 hex digits, unique per request; ids in answers are made of it."""
    clock: Callable[[], int]
    """Returns the time in Unix seconds."""


class Relay(Protocol):
    """An engine stream becoming a client stream: bytes in, bytes out. Only whole events leave."""

    finished: bool
    error: ApiError | None
    """Why the stream has failed, if it has."""

    def feed(self, data: bytes) -> bytes:
        """Returns the bytes for the client that follow from these bytes of the engine."""
        ...

    def end(self) -> bytes:
        """Returns the client's last bytes when the engine has closed the connection: an error unless the
        stream was complete.
        """
        ...

    def fail(self, error: ApiError) -> bytes:
        """Returns the bytes that end the stream with the error; none if it had already ended."""
        ...


class ApiAdapter(Protocol):
    """One request and its answer, translated between the client's API and the engine's."""

    @property
    def engine(self) -> EngineRequest:
        """The request for the engine."""
        ...

    def whole(self, body: bytes) -> bytes:
        """The client's answer for the engine's whole 200 answer; may raise ApiError."""
        ...

    def stream(self) -> tuple[bytes, Relay]:
        """The first bytes of a stream, and what makes the others."""
        ...

    def attribute_error(self, error: ApiError) -> ApiError:
        """The engine's error under the client's parameter names."""
        ...


ApiAdapterFactory = Callable[[bytes, "RequestPolicy", Call], ApiAdapter]
