"""What the operator asks the gateways of pods, answered here, each on an address of the loopback network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.support.control_plane import free_port


class Gateways:
    """The admin ports of several pods; `loads` are requests in flight by address."""

    def __init__(self) -> None:
        self.port = free_port()
        self.loads: dict[str, int] = {}

    async def status(self, request: web.Request) -> web.Response:
        """GET /status of the pod whose address was called."""
        assert request.transport is not None
        address = request.transport.get_extra_info("sockname")[0]
        return web.json_response({"inFlight": self.loads[address], "queued": 0, "ready": True})


@asynccontextmanager
async def running_gateways(loads: dict[str, int]) -> AsyncIterator[Gateways]:
    """Listens on one port of every address."""
    gateways = Gateways()
    gateways.loads = loads
    app = web.Application()
    app.router.add_get("/status", gateways.status)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        for address in loads:
            await web.TCPSite(runner, address, gateways.port).start()
        yield gateways
    finally:
        await runner.cleanup()
