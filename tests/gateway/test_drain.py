"""A drain and what clients have not read yet."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fairlead_gateway import drain
from fairlead_gateway.admin import create_admin
from fairlead_gateway.gateway_context import GatewayContext
from fairlead_gateway.server.listen import KEEPALIVE_SECONDS
from fairlead_gateway.server.parting import PartingProtocol
from fairlead_gateway.settings import ProcessSettings
from tests.gateway.asgi import call
from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION
from tests.gateway.scripted import ScriptedEngine, answer, whole
from tests.gateway.wire import Gateway, post, running_gateway, sweep_until, until

# It fits into the kernel's buffer of a connection to this machine, but not into the client's part of it.
LENGTH, RECEIVE_BYTES = 100_000, 4096


@pytest.mark.parametrize("headers", [["connection: close"], []], ids=["closed", "kept"])
async def test_a_drain_waits_until_the_client_has_the_whole_answer(
    headers: list[str], socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "_LOOK_AT_BYTES_SECONDS", 0.01)
    async with answered(socket, *headers) as (gateway, client):
        services = gateway.services
        looks = count_looks(services, monkeypatch)
        drained = asyncio.create_task(call(create_admin(services), "POST", "/drain", client="127.0.0.1"))
        await until(lambda: len(looks) > 2 or drained.done())
        assert not drained.done()

        await read_answer(client)
        assert (await drained).status == 200


async def test_an_idle_connection_is_kept_until_its_client_has_the_whole_answer(
    socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answered(socket) as (gateway, client):
        services, clock = gateway.services, gateway.services.clock
        monkeypatch.setattr(services, "clock", lambda: clock() + KEEPALIVE_SECONDS + 1)
        services.sweep()
        await asyncio.sleep(0)  # a closed connection is gone after this
        assert services.unread_bytes()

        await read_answer(client)
        await sweep_until(gateway, lambda: not services.active)


@asynccontextmanager
async def answered(socket: Path, *headers: str) -> AsyncIterator[tuple[Gateway, sockets.socket]]:
    """A gateway that has written an answer, and the client's socket, from which nothing was read."""
    completion = json.loads(COMPLETION)
    completion["choices"][0]["message"]["content"] = "x" * LENGTH
    script = answer(whole("200 OK", json.dumps(completion).encode()))
    process = ProcessSettings(linger_seconds=0)
    loop = asyncio.get_running_loop()
    async with ScriptedEngine(socket, script), running_gateway(socket, process=process) as gateway:
        with sockets.socket() as client:
            client.setblocking(False)
            client.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, RECEIVE_BYTES)
            await loop.sock_connect(client, ("127.0.0.1", gateway.port))
            await loop.sock_sendall(client, post(CHAT_PATH, json.dumps(CHAT).encode(), *headers))
            await until(lambda: only_in_the_kernel(gateway))
            yield gateway, client


def only_in_the_kernel(gateway: Gateway) -> bool:
    """Whether the answer is written and what is unread of it has left the process."""
    connections = [item for item in gateway.services.active if isinstance(item, PartingProtocol)]
    written = [not connection.transport.get_write_buffer_size() for connection in connections]
    return gateway.services.unread_bytes() > 0 and not gateway.services.limiter.running and all(written)


async def read_answer(client: sockets.socket) -> None:
    """Reads as many bytes as the answer's text has. Fails when the connection ends before."""
    received = 0
    while received < LENGTH:
        part = await asyncio.get_running_loop().sock_recv(client, LENGTH)
        assert part, f"the connection ended after {received} bytes"
        received += len(part)


def count_looks(services: GatewayContext, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What the drain finds each time when it looks at what is unread."""
    looks: list[int] = []
    unread_bytes = services.unread_bytes

    def look() -> int:
        looks.append(unread_bytes())
        return looks[-1]

    monkeypatch.setattr(services, "unread_bytes", look)
    return looks
