"""A server that stops while clients still read: the kernel has the last bytes, which end with the pod."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from select import select
from typing import Any

import pytest
import uvicorn

from fairlead_gateway import app
from fairlead_gateway.bounds import LINGER_SECONDS, STALLED_READER_SECONDS
from fairlead_gateway.router import app as router_app
from fairlead_gateway.router.request_cycle import router_protocol
from fairlead_gateway.server.engine_request_cycle import api_protocol
from fairlead_gateway.server.listen import listener
from fairlead_gateway.server.parting import PartingProtocol
from tests.gateway.bodies import CHAT_PATH, COMPLETION
from tests.gateway.fronts import BODY, both, fronts
from tests.gateway.process import free_port
from tests.gateway.scripted import answer, whole
from tests.gateway.wire import Front, post, sweep_until, until
from tests.router.objects import model
from tests.router.wire import Router

# It fits into the kernel's buffer of a connection to this machine, but not into the client's part of it.
LENGTH, RECEIVE_BYTES = 100_000, 4096
LONG = json.loads(COMPLETION)
LONG["choices"][0]["message"]["content"] = "x" * LENGTH
ends = pytest.mark.parametrize("headers", [["connection: close"], []], ids=["closed", "kept"])


@both
@ends
async def test_a_server_that_stops_waits_until_the_client_has_the_answer(
    kind: str, headers: list[str], socket: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(kind, socket) as server, server.asked(post(CHAT_PATH, BODY, *headers)) as client:
        await server.stop(caplog)
        assert server.waits

        await read(client, LENGTH)
        client.close()
        await until(lambda: not server.waits)


@both
@ends
async def test_a_server_that_stops_does_not_wait_for_a_client_that_has_the_answer_and_keeps_its_connection(
    kind: str, headers: list[str], socket: Path, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    async with serving(kind, socket) as server, server.asked(post(CHAT_PATH, BODY, *headers)) as client:
        await read(client, LENGTH)
        await server.stop(caplog)
        later(server.front, LINGER_SECONDS + 1, monkeypatch)
        await sweep_until(server.front, lambda: not server.waits)


@both
async def test_a_client_that_reads_nothing_of_its_last_answer_is_cut_off(
    kind: str, socket: Path, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    request = post(CHAT_PATH, BODY, "connection: close")
    async with serving(kind, socket) as server, server.asked(request):
        await server.stop(caplog)
        server.front.services.sweep()
        later(server.front, STALLED_READER_SECONDS + 1, monkeypatch)
        await sweep_until(server.front, lambda: not server.waits)


async def test_the_list_of_models_is_waited_for_as_well(
    socket: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving("router", socket) as server:
        assert isinstance(server.front, Router)
        server.front.know(*(model(f"model-{number}") for number in range(2000)))
        request = b"GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        async with server.asked(request) as client:
            await server.stop(caplog)
            assert server.waits

            await read(client, LENGTH)
            client.close()
            await until(lambda: not server.waits)


class Serving:
    """The API port as the program serves it."""

    def __init__(self, front: Front, server: uvicorn.Server) -> None:
        self.front, self._server = front, server
        self._task = asyncio.create_task(server.serve())

    @property
    def waits(self) -> bool:
        """Whether it is not over."""
        return not self._task.done()

    @asynccontextmanager
    async def asked(self, request: bytes) -> AsyncIterator[sockets.socket]:
        """A client that has read nothing of an answer, all of which the process has given to the kernel."""
        loop = asyncio.get_running_loop()
        await until(lambda: self._server.started)
        with sockets.socket() as client:
            client.setblocking(False)
            client.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, RECEIVE_BYTES)
            await loop.sock_connect(client, ("127.0.0.1", self._server.config.port))
            await loop.sock_sendall(client, request)
            await until(lambda: select([client], [], [], 0)[0] and not self._busy())
            yield client

    async def stop(self, caplog: pytest.LogCaptureFixture) -> None:
        """Returns when the server waits for its connections, or is over."""
        self._server.should_exit = True
        with caplog.at_level("INFO", "uvicorn.error"):
            await until(lambda: "Waiting for connections" in caplog.text or not self.waits)

    def _busy(self) -> bool:
        """Whether a request is not over, or some of its answer is still in the process."""
        active = self.front.services.active
        connections = [item for item in active if isinstance(item, PartingProtocol)]
        return len(connections) < len(active) or any(
            connection.transport.get_write_buffer_size() for connection in connections
        )


@asynccontextmanager
async def serving(kind: str, socket: Path) -> AsyncIterator[Serving]:
    """A gateway or a router whose engine or pod gives the long answer."""
    async with fronts(kind, socket, answer(whole("200 OK", json.dumps(LONG).encode()))) as (front, _):
        services = front.services
        made: tuple[Any, Any] = (
            (app.create_api(services), api_protocol(services))
            if kind == "gateway"
            else (router_app.create_api(services), router_protocol(services))
        )
        server = listener(*made, "127.0.0.1", free_port(), "info", drain_seconds=3600)
        running = Serving(front, server)
        try:
            yield running
        finally:
            server.should_exit = server.force_exit = True
            await until(lambda: not running.waits)


def later(front: Front, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of the front is later by so many seconds."""
    clock = front.services.clock
    monkeypatch.setattr(front.services, "clock", lambda: clock() + seconds)


async def read(client: sockets.socket, count: int) -> None:
    """Reads at least so many bytes. Fails when the connection ends before."""
    received = 0
    while received < count:
        part = await asyncio.get_running_loop().sock_recv(client, count)
        assert part, f"the connection ended after {received} bytes"
        received += len(part)
