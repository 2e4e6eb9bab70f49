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


@dataclass(frozen=True)
class Call:
    """The context of an adapter."""

    token: str
    """32 hex digits, unique per request; ids in answers are made of it."""
    clock: Callable[[], int]
    """The time in Unix seconds."""


class Relay(Protocol):
    """An engine stream becoming a client stream: bytes in, bytes out. Only whole events leave."""

    finished: bool

    def feed(self, data: bytes) -> bytes:
        """What to send to the client for these bytes of the engine."""
        ...

    def end(self) -> bytes:
        """What to send when the engine has closed the connection: an error unless the stream was complete."""
        ...

    def fail(self, error: ApiError) -> bytes:
        """What to send when the stream cannot go on; nothing if it had already ended."""
        ...


class ApiAdapter(Protocol):
    """One request and its answer."""

    @property
    def engine(self) -> EngineRequest:
        """What the engine gets."""
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
