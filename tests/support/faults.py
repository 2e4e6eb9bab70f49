"""A proxy before the real API server that misbehaves as networks and overloaded servers do.

It speaks plain HTTP to its clients and the administrator's TLS to the server, sees every request, and can
refuse connections, cut them in the middle, fall silent on open streams, or answer a request itself, before
the server has seen it or after.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.connector import NEEDS_CLEANUP_CLOSED

from tests.support.control_plane import free_port

_HOP = frozenset({"host", "authorization", "connection", "transfer-encoding", "content-length"})
_KEPT = ("Content-Type", "Retry-After")


@dataclass(frozen=True)
class Fault:
    """An answer that is not the API server's. `after`: the server carries the request out all the same."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False


@dataclass(frozen=True)
class Call:
    """A request that was seen; `at` in seconds of the monotonic clock."""

    method: str
    path: str
    at: float
    watch: bool

    @property
    def is_write(self) -> bool:
        """Whether it changes an object of the cluster other than a Lease."""
        return self.method != "GET" and not self.path.endswith("reviews") and "/leases" not in self.path


@dataclass(eq=False)
class _Exchange:
    request: web.Request
    silent: bool = False


class FaultyProxy:
    """Use as a context. `rule` is asked about each request; None lets it pass."""

    def __init__(self, kubeconfig: Path, own_kubeconfig: Path) -> None:
        config = json.loads(kubeconfig.read_text())
        self._server: str = config["clusters"][0]["cluster"]["server"]
        self._tls = ssl.create_default_context(
            cafile=config["clusters"][0]["cluster"]["certificate-authority"]
        )
        user = config["users"][0]["user"]
        self._tls.load_cert_chain(user["client-certificate"], user["client-key"])
        self._port = free_port()
        self._runner: web.AppRunner | None = None
        self._upstream: aiohttp.ClientSession | None = None
        self._open: set[_Exchange] = set()
        self.calls: list[Call] = []
        self.rule: Callable[[Call], Fault | None] = lambda _: None
        self.kubeconfig = own_kubeconfig
        config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{self._port}"}
        config["users"][0]["user"] = {"token": "ignored"}
        own_kubeconfig.write_text(json.dumps(config))

    async def __aenter__(self) -> FaultyProxy:
        self._upstream = aiohttp.ClientSession(
            self._server,
            # Connections that were cut are aborted at the end: a peer that is slow to close TLS would leave
            # them open beyond the event loop. Newer releases of Python need no help with it.
            connector=aiohttp.TCPConnector(
                ssl=self._tls, limit=0, enable_cleanup_closed=NEEDS_CLEANUP_CLOSED
            ),
            timeout=_NO_TIMEOUT,
        )
        await self.accept()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.refuse()
        assert self._upstream is not None
        await self._upstream.close()

    async def accept(self) -> None:
        """Listens, again if it refused before."""
        app = web.Application(client_max_size=16 << 20)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()

    async def refuse(self) -> None:
        """Cuts all connections and refuses new ones."""
        if self._runner:
            runner, self._runner = self._runner, None
            for site in list(runner.sites):
                await site.stop()
            self.cut()
            await runner.cleanup()

    def cut(self) -> None:
        """Resets all connections in the middle of whatever they carry; new ones are welcome."""
        for exchange in list(self._open):
            if exchange.request.transport:
                exchange.request.transport.abort()

    def fall_silent(self) -> None:
        """The connections that are open stay open and carry nothing any more; new ones work."""
        for exchange in self._open:
            exchange.silent = True

    @property
    def writes(self) -> list[Call]:
        """The requests so far that change something other than a Lease."""
        return [call for call in self.calls if call.is_write]

    @property
    def watches(self) -> int:
        """Streams that are open now."""
        return sum("watch" in exchange.request.query and not exchange.silent for exchange in self._open)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = Call(request.method, request.path, time.monotonic(), "watch" in request.query)
        self.calls.append(call)
        fault = self.rule(call)
        if fault and not fault.after:
            return _answer(fault)
        exchange = _Exchange(request)
        self._open.add(exchange)
        try:
            return await self._forward(exchange, fault)
        finally:
            self._open.discard(exchange)

    async def _forward(self, exchange: _Exchange, fault: Fault | None) -> web.StreamResponse:
        assert self._upstream is not None
        request = exchange.request
        headers = {key: value for key, value in request.headers.items() if key.lower() not in _HOP}
        try:
            async with self._upstream.request(
                request.method, request.rel_url, headers=headers, data=await request.read() or None
            ) as upstream:
                if fault:
                    await upstream.read()
                    return _answer(fault)
                kept = {key: upstream.headers[key] for key in _KEPT if key in upstream.headers}
                if "watch" not in request.query:
                    return web.Response(status=upstream.status, body=await upstream.read(), headers=kept)
                response = web.StreamResponse(status=upstream.status, headers=kept)
                await response.prepare(request)
                async for chunk in upstream.content.iter_any():
                    if not exchange.silent:
                        await response.write(chunk)
                return response
        except aiohttp.ClientError as error:
            return _answer(Fault(502), str(error))


_NO_TIMEOUT = aiohttp.ClientTimeout(total=None)


def _answer(fault: Fault, message: str = "injected") -> web.Response:
    status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message}
    return web.json_response({**status, "code": fault.status}, status=fault.status, headers=fault.headers)
