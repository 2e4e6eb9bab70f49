"""IPv6 and dual stack: where the operator listens, and how it reaches pods."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web

from fairlead_operator.controller.admin_client import AdminClient
from fairlead_operator.telemetry import HealthServer
from tests.support.addresses import needs_ipv6
from tests.support.control_plane import free_port

BOTH = ("127.0.0.1", pytest.param("[::1]", marks=needs_ipv6))


@pytest.mark.parametrize("host", BOTH)
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_the_health_port_answers_clients_of_both_families(host: str, path: str) -> None:
    port = free_port()
    health = HealthServer(port, lambda: None, lambda: None)
    await health.start()
    try:
        async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}{path}") as answer:
            assert answer.status == 200
    finally:
        await health.stop()


@needs_ipv6
async def test_a_pod_with_an_ipv6_address_is_queried() -> None:
    async def demand(_: web.Request) -> web.Response:
        return web.json_response({"boot": "b", "cursor": 7, "models": {}})

    app = web.Application()
    app.router.add_get("/demand", demand)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "::1", port).start()
    client = AdminClient(port)
    try:
        received = await client.router_demand("::1", 0.0, None)
    finally:
        await client.close()
        await runner.cleanup()

    assert received is not None
    assert received.cursor == 7
