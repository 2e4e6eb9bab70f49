"""Requests through real proxies with TLS: client, proxy, router, gateway, engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from e2e.cluster import debian
from tests.gateway.bodies import CHAT, CHAT_PATH, LAST_CHUNK
from tests.gateway.scripted import CHUNK, HEAD, ScriptedEngine, chunked
from tests.gateway.wire import running_gateway
from tests.proxies.proxies import HOST, PROXIES, Proxy, running_proxy
from tests.router.wire import running_router

EVENT = CHUNK.strip()
each_proxy = pytest.mark.parametrize("name", PROXIES)


@dataclass
class Engine:
    """An engine that makes its second event when it is allowed to."""

    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    async def stream(
        self, engine: ScriptedEngine, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await engine.read_request(reader)
        writer.write(HEAD + chunked(CHUNK))
        left, more = asyncio.create_task(reader.read()), asyncio.create_task(self.go_on.wait())
        await asyncio.wait((left, more), return_when=asyncio.FIRST_COMPLETED)
        if left.done():
            self.cancelled.set()
        else:
            writer.write(chunked(LAST_CHUNK) + chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n")
            await writer.drain()
        left.cancel()
        more.cancel()


@each_proxy
async def test_the_first_token_arrives_before_the_last_one_is_made(
    name: str, socket: Path, tmp_path: Path
) -> None:
    async with (
        exposed(name, socket, tmp_path) as (proxy, engine),
        asked(proxy, CHAT | {"stream": True}) as client,
    ):
        head = await head_of(client)
        first = await client.readuntil(b"\n\n")
        engine.go_on.set()
        rest = await client.read()

    assert (head[0], first.strip()) == ("HTTP/2 200", EVENT)
    assert rest.strip().endswith(b"data: [DONE]")


@each_proxy
async def test_a_client_that_leaves_cancels_its_request_at_the_engine(
    name: str, socket: Path, tmp_path: Path
) -> None:
    async with exposed(name, socket, tmp_path) as (proxy, engine):
        async with asked(proxy, CHAT | {"stream": True}) as client:
            await head_of(client)
            await client.readuntil(b"\n\n")
        async with asyncio.timeout(60):
            await engine.cancelled.wait()


@each_proxy
async def test_an_error_and_the_request_id_arrive_unchanged(name: str, socket: Path, tmp_path: Path) -> None:
    async with (
        exposed(name, socket, tmp_path) as (proxy, _),
        asked(proxy, CHAT | {"temperature": 9}, "x-request-id: from-the-client") as client,
    ):
        head = await head_of(client)
        error = json.loads(await client.read())["error"]

    assert head[0] == "HTTP/2 400"
    assert [line for line in head if line.startswith("x-request-id")] == ["x-request-id: from-the-client"]
    assert error["param"] == "temperature"


@asynccontextmanager
async def exposed(name: str, socket: Path, folder: Path) -> AsyncIterator[tuple[Proxy, Engine]]:
    """A model behind the proxy."""
    engine = Engine()
    async with (
        ScriptedEngine(socket, engine.stream),
        running_gateway(socket) as gateway,
        running_router() as router,
        running_proxy(name, folder, router.port) as proxy,
    ):
        router.ready(gateway.port)
        yield proxy, engine


@asynccontextmanager
async def asked(proxy: Proxy, body: dict[str, Any], *headers: str) -> AsyncIterator[asyncio.StreamReader]:
    """What curl shows of the answer, its head first. curl is ended with the context."""
    debian.require(["curl"], "a client with HTTP/2")
    url = f"https://{HOST}:{proxy.port}{CHAT_PATH}"
    options = ["-sSN", "--http2", "-i", "--cacert", str(proxy.authority), "--connect-to", "::127.0.0.1:"]
    fields = [part for header in ("content-type: application/json", *headers) for part in ("-H", header)]
    curl = await asyncio.create_subprocess_exec(
        "curl", *options, *fields, "-d", json.dumps(body), url, stdout=asyncio.subprocess.PIPE
    )
    assert curl.stdout
    try:
        async with asyncio.timeout(60):
            yield curl.stdout
    finally:
        if curl.returncode is None:
            curl.kill()
        await curl.wait()


async def head_of(client: asyncio.StreamReader) -> list[str]:
    """The lines of the answer's head."""
    return [line.strip() for line in (await client.readuntil(b"\r\n\r\n")).decode().splitlines()]
