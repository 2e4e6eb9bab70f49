"""The client's side of a request, which a gateway's `Exchange` and a router's `Forwarding` have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar

from .contract.errors import ApiError
from .upstream.connection import HttpConnection

CLIENT_LEFT = 499  # nginx's code for a client that left before an answer
_BROKEN = 502
# A comment of one line, which every client's parser skips; an empty line after it would end an event.
PING = b": ping\n"


class Client(Protocol):
    """Where the answer goes."""

    def body_sent(self) -> None:
        """The request's body is not needed any more: its memory is free."""

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """A whole JSON answer."""

    def start_stream(self, headers: Mapping[str, str]) -> None:
        """Status 200 and the headers of a stream."""

    def write(self, data: bytes) -> None:
        """Some bytes of the stream."""

    def finish(self, data: bytes) -> None:
        """The last bytes of the stream, maybe none."""

    def break_off(self, data: bytes, status: int) -> None:
        """The last bytes of a stream that has failed, which counts as this status."""

    def abort(self) -> None:
        """Closes the connection to a client that takes nothing any more."""


ClientT = TypeVar("ClientT", bound=Client)


def status_after_head(error: ApiError) -> int:
    """The HTTP status that a stream counts as when it fails after its head, which says 200: the error's own
    if the client caused it, else 502, whatever broke.
    """
    return error.status if error.status < 500 else _BROKEN


class ClientLink(ABC, Generic[ClientT]):
    """Links a client with the upstream connection that its request is sent on, if there is one.

    It passes the client's pauses and its end on to that connection, and keeps a silent stream alive.
    `arrived` is the monotonic time of the request's first byte.
    """

    __slots__ = ("_client", "_connection", "_opened", "_paused", "_written_at")

    def __init__(self, client: ClientT, arrived: float) -> None:
        self._client = client
        self._connection: HttpConnection | None = None
        # `_opened`: the client has the head of a stream, which this program itself began.
        self._opened = self._paused = False
        self._written_at = arrived

    @property
    @abstractmethod
    def wanted(self) -> bool:
        """Whether the request is not over yet."""

    @abstractmethod
    def _open_stream(self) -> None:
        """Sends the head of a stream to the client."""

    @abstractmethod
    def _close(self, status: int) -> None:
        """The request is over, with this HTTP status."""

    def client_gone(self) -> None:
        """The client has closed its connection: the upstream stops working on the request at once."""
        if self.wanted:
            self._close(CLIENT_LEFT)

    def pause(self) -> None:
        """The client takes no more for now."""
        self._paused = True
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """The client takes bytes again."""
        self._paused = False
        if self._connection is not None:
            self._connection.resume()

    def upstream_connected(self, connection: HttpConnection) -> None:
        """The request is on its way on this connection."""
        self._connection = connection
        if self._paused:
            connection.pause()

    def _ping(self, now: float, every_seconds: float) -> None:
        """Writes a comment if the stream was silent for so long; opens it first if it is not open."""
        if now - self._written_at >= every_seconds:
            if not self._opened:
                self._open_stream()
            self._written_at = now
            self._client.write(PING)

    def _cut_upstream(self) -> None:
        """Closes the upstream connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
