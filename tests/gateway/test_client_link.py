"""What gateway and router do alike between a client and the connection that its request is sent on."""

from __future__ import annotations

from typing import Any, cast

import pytest

from fairlead_gateway.client_link import CLIENT_LEFT, PING, Client, ClientLink
from fairlead_gateway.upstream.connection import HttpConnection

ARRIVED = 100.0
EVERY_SECONDS = 15.0


class Connection:
    """Only what a link does to it."""

    def __init__(self) -> None:
        self.reading, self.open = True, True

    def pause(self) -> None:
        self.reading = False

    def resume(self) -> None:
        self.reading = True

    def abort(self) -> None:
        self.open = False


class Link(ClientLink[Client]):
    """A request without a life of its own; its client is a list of what was written to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.status: int | None = None
        super().__init__(cast("Any", self), ARRIVED)

    @property
    def wanted(self) -> bool:
        return self.status is None

    def connect(self) -> Connection:
        connection = Connection()
        self.upstream_connected(cast("HttpConnection", connection))
        return connection

    def ping(self, now: float) -> None:
        self._ping(now, EVERY_SECONDS)

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def _open_stream(self) -> None:
        self._opened = True
        self.written.append(b"head")

    def _close(self, status: int) -> None:
        self.status = status
        self._cut_upstream()


@pytest.fixture
def link() -> Link:
    return Link()


def test_a_paused_client_pauses_the_upstream_connection(link: Link) -> None:
    connection = link.connect()
    link.pause()
    assert not connection.reading
    link.resume()
    assert connection.reading


def test_a_connection_that_is_opened_while_the_client_is_paused_is_paused(link: Link) -> None:
    link.pause()
    assert not link.connect().reading


def test_a_client_that_leaves_ends_the_upstream_request(link: Link) -> None:
    connection = link.connect()
    link.client_gone()
    assert (link.status, connection.open) == (CLIENT_LEFT, False)


def test_a_client_that_leaves_after_the_end_changes_nothing(link: Link) -> None:
    link.status = 200
    link.client_gone()
    assert link.status == 200


def test_a_silent_stream_is_opened_once_and_pinged_at_each_interval(link: Link) -> None:
    link.ping(ARRIVED + EVERY_SECONDS - 1)
    assert link.written == []
    for now in (ARRIVED + EVERY_SECONDS, ARRIVED + EVERY_SECONDS + 1, ARRIVED + 2 * EVERY_SECONDS):
        link.ping(now)
    assert link.written == [b"head", PING, PING]
