"""The router's API port on a real socket in the test's own event loop, and pods that are scripts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from fairlead_gateway.router.app import create_api
from fairlead_gateway.router.dispatcher import ModelDispatcher
from fairlead_gateway.router.key_files import KeyFiles
from fairlead_gateway.router.request_cycle import router_protocol
from fairlead_gateway.router.router_context import RouterContext
from fairlead_gateway.router.settings import RouterSettings
from tests.gateway.asgi import Answer
from tests.gateway.scripted import Script, ScriptedEngine
from tests.gateway.wire import WAIT_SECONDS, listening, sweep_until
from tests.router.objects import Object, endpoint, endpoint_slice, model

KEY = "team/tiny"
Ready = Mapping[str, int]


class ScriptedPod(ScriptedEngine):
    """A pod whose gateway answers canned bytes on a TCP port; `heads` are those of the requests."""

    def __init__(self, *scripts: Script, host: str = "127.0.0.1") -> None:
        super().__init__(Path(), *scripts)
        self.heads: list[bytes] = []
        self.host, self.port = host, 0

    async def __aenter__(self) -> ScriptedPod:
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def read_request(self, reader: asyncio.StreamReader) -> None:
        """Reads one request and keeps its head and its body."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        self.requests.append(await reader.readexactly(int(length.split(b":")[1])))


class Router:
    """A listening API port, and what the watches would report to it."""

    def __init__(self, services: RouterContext, port: int, session: aiohttp.ClientSession) -> None:
        self.services, self.port, self._session = services, port, session
        self.key_files: KeyFiles | None = None

    @property
    def dispatcher(self) -> ModelDispatcher:
        """That of the model KEY."""
        return self.services.model_registry.dispatchers[KEY]

    def know(self, *documents: Object) -> None:
        """These ModelDeployments exist, and no others."""
        model_registry = self.services.model_registry
        named = {f"{d['metadata']['namespace']}/{d['metadata']['name']}": d for d in documents}
        model_registry.replace_models(set(model_registry.dispatchers), named)

    def ready(self, *ports: int, name: str = "tiny", namespace: str = "team") -> None:
        """The pods pod-0, pod-1, ... of a model are ready, on these ports."""
        for number in range(9):
            port = ports[number] if number < len(ports) else 0
            part = endpoint_slice(
                endpoint("127.0.0.1", f"pod-{number}"), port=port, name=name, namespace=namespace
            )
            key = f"{namespace}/{name}-{number}"
            self.services.model_registry.replace_slices({key}, {key: part} if port else {})

    async def call(
        self, method: str, path: str, body: Any = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request whose client waits for the whole answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self._session.request(method, url, data=data or None, headers=headers) as response:
            lower = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, lower, await response.read())

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A bare connection."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def sweep_until(self, done: Any) -> None:
        """What happens once a second, faster."""
        await sweep_until(self, done)


@asynccontextmanager
async def running_router(*documents: Object, synced: bool = True, **settings: Any) -> AsyncIterator[Router]:
    """The API port. Without documents it knows the model KEY, without pods. `tests.support.api_keys` has the
    settings of one with API keys.
    """
    services = RouterContext(RouterSettings(**settings), sources=1)
    key_files = KeyFiles(services) if services.keyed else None
    async with (
        listening(create_api(services), router_protocol(services)) as port,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(WAIT_SECONDS)) as session,
    ):
        router = Router(services, port, session)
        router.key_files = key_files
        if synced:
            router.know(*(documents or (model(),)))
            services.model_registry.listed()
        try:
            yield router
        finally:
            services.close()
