"""Routers and gateways as the autoscaler meets them: admin ports that report what the test sets, each on an
address of the loopback network.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from fairlead_contract.demand import GatewayDemand, RouterFigures
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.resources import POD
from tests.kube.support import Object
from tests.support.control_plane import free_port

ROUTER_ADDRESS = "127.0.1.1"
GATEWAY_ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
SERVICE = "fairlead-router.fairlead-system.svc.cluster.local:80"
ENGINE = {
    "running": 0,
    "waiting": 0,
    "kvUsage": 0.1,
    "steps": 100.0,
    "decodeTokens": 1000.0,
    "promptTokens": 1000.0,
    "prefillTokens": 1000.0,
    "preemptions": 0.0,
    "kvTokens": 100_000,
    "maxRunning": 16,
}


def gateway_demand(load: int = 0, **answer: Any) -> GatewayDemand:
    """What a gateway answers to GET /demand."""
    zero = {"queued": 0, "completions": 0, "direct": {"arrivals": 0, "completions": 0}, "engine": None}
    return GatewayDemand.model_validate_json(json.dumps({"boot": "g", "inFlight": load, **zero, **answer}))


def router_figures(**figures: Any) -> RouterFigures:
    """What a router answers about one model."""
    return RouterFigures.model_validate_json(json.dumps(figures))


class Demand:
    """One router, and gateways by address; figures that are not set are zero."""

    def __init__(self) -> None:
        self.port = free_port()
        self.boot = "router-1"
        self.silent = False
        self.models: dict[str, Object] = {}
        self.loads: dict[str, int] = {}
        self._cursor = 1
        self._rise = asyncio.Event()

    def set_figures(self, model: str, **figures: Any) -> None:
        """What the router says of a model (NAMESPACE/NAME) from now on."""
        before = self.models.get(model, {})
        counters = {"queued": 0, "queuedBytes": 0, "inFlight": 0, "arrivals": 0, "completions": 0}
        self.models[model] = {**counters, "lastCompletionAt": None, **before, **figures}
        if self.models[model]["queued"] and not before.get("queued"):
            self._cursor += 1
            rise, self._rise = self._rise, asyncio.Event()
            rise.set()

    async def demand(self, request: web.Request) -> web.Response:
        """GET /demand of whom the address belongs to."""
        assert request.transport is not None
        address = request.transport.get_extra_info("sockname")[0]
        if address != ROUTER_ADDRESS:
            return web.json_response(self._gateway(address))
        if request.query.get("cursor") == str(self._cursor):
            waits = asyncio.ensure_future(self._rise.wait())
            await asyncio.wait([waits], timeout=float(request.query["wait"]))
            waits.cancel()
        if self.silent:
            raise web.HTTPServiceUnavailable
        return web.json_response({"boot": self.boot, "cursor": self._cursor, "models": self.models})

    async def status(self, request: web.Request) -> web.Response:
        """GET /status of a gateway."""
        assert request.transport is not None
        address = request.transport.get_extra_info("sockname")[0]
        return web.json_response({"inFlight": self.loads.get(address, 0), "queued": 0, "ready": True})

    def _gateway(self, address: str) -> Object:
        load = self.loads.get(address, 0)
        return {
            "boot": address,
            "cursor": 1,
            "queued": 0,
            "inFlight": load,
            "draining": False,
            "arrivals": load,
            "completions": 0,
            "direct": {"arrivals": 0, "completions": 0},
            "lastCompletionAt": None,
            "engine": {**ENGINE, "running": load},
        }


@asynccontextmanager
async def running_demand() -> AsyncIterator[Demand]:
    """Listens on one port of every address."""
    demand = Demand()
    app = web.Application()
    app.router.add_get("/demand", demand.demand)
    app.router.add_get("/status", demand.status)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        for address in (ROUTER_ADDRESS, *GATEWAY_ADDRESSES):
            await web.TCPSite(runner, address, demand.port).start()
        yield demand
    finally:
        await runner.cleanup()


async def create_router_pod(kube: KubeClient, namespace: str) -> None:
    """The pod by which the operator finds the router."""
    labels = {"app.kubernetes.io/name": "fairlead", "app.kubernetes.io/component": "router"}
    pod = {
        "metadata": {"name": "router-0", "labels": labels},
        "spec": {"containers": [{"name": "router", "image": "gateway:1"}]},
    }
    await kube.create(POD, namespace, pod)
    network = {"podIP": ROUTER_ADDRESS, "podIPs": [{"ip": ROUTER_ADDRESS}]}
    await kube.patch_status(POD, namespace, "router-0", {"phase": "Running", **network})
