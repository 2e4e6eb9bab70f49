"""The API port on a real socket, in the test's own event loop, and a client that shows what came back."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from fairlead_contract.gateway_settings import GatewaySettings
from fairlead_gateway.admission.keys import KeyRing
from fairlead_gateway.app import create_api
from fairlead_gateway.gateway_context import GatewayContext
from fairlead_gateway.reload import identities_of
from fairlead_gateway.server.engine_request_cycle import api_protocol
from fairlead_gateway.server.listen import KEEPALIVE_SECONDS
from fairlead_gateway.settings import ProcessSettings
from fairlead_gateway.upstream.pool import EnginePool
from tests.gateway.asgi import Answer

WAIT_SECONDS = 60


class Gateway:
    """A listening API port and what is behind it."""

    def __init__(self, services: GatewayContext, port: int, session: aiohttp.ClientSession) -> None:
        self.services, self.port, self._session = services, port, session

    async def call(
        self,
        method: str,
        path: str,
        body: bytes | dict[str, Any] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request whose client waits for the whole answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self._session.request(method, url, data=data or None, headers=headers) as response:
            lower = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, lower, await response.read())

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A bare connection, for what no well-behaved client sends."""
        return await asyncio.open_connection("127.0.0.1", self.port)


@asynccontextmanager
async def running_gateway(
    socket: Path,
    keys: Mapping[str, bytes] | None = None,
    process: ProcessSettings | None = None,
    **settings: Any,
) -> AsyncIterator[Gateway]:
    """The API port in front of the engine at `socket`. `settings` are those of gateway.json."""
    wanted = GatewaySettings.model_validate({"model": {"servedName": "tiny"}} | settings)
    engine = EnginePool(str(socket))
    ring = KeyRing.parse(keys or {}, identities_of(wanted))
    services = GatewayContext(wanted, ring, process or ProcessSettings(), engine)
    async with (
        listening(create_api(services), api_protocol(services)) as port,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(WAIT_SECONDS)) as session,
    ):
        try:
            yield Gateway(services, port, session)
        finally:
            engine.close()


@asynccontextmanager
async def listening(app: ASGIApp, protocol: Any) -> AsyncIterator[int]:
    """An API port with a protocol class of uvicorn's, in the test's own event loop: its number."""
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        timeout_keep_alive=KEEPALIVE_SECONDS,
    )
    config.load()
    factory: Any = functools.partial(protocol, config=config, server_state=ServerState(), app_state={})
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Front(Protocol):
    """A gateway's or a router's API port."""

    @property
    def services(self) -> Any:
        """What is behind it."""

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A bare connection."""

    async def call(
        self, method: str, path: str, body: Any = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request whose client waits for the whole answer."""


async def until(condition: Callable[[], object]) -> None:
    """Returns when the condition holds; fails when it never does."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - the condition has no event to wait for
            await asyncio.sleep(0.01)


async def sweep_until(gateway: Front, done: Any) -> None:
    """What `run_housekeeping` does once a second, faster."""
    async with asyncio.timeout(60):
        while not done():
            gateway.services.sweep()
            await asyncio.sleep(0.02)


def post(path: str, body: bytes, *headers: str) -> bytes:
    """A POST as bytes, for a connection of the test's own."""
    lines = [f"POST {path} HTTP/1.1", "host: x", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def raw(gateway: Front, *parts: bytes) -> bytes:
    """Everything that comes back on a connection of its own for these bytes."""
    reader, writer = await gateway.connect()
    for part in parts:
        writer.write(part)
        await writer.drain()
    async with asyncio.timeout(60):
        received = await reader.read()
    writer.close()
    return received
