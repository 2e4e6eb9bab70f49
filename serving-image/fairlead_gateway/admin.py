"""The admin port: probes, drain, load, metrics, for kubelet, operator and Prometheus. Never the API.

The gateway decides about readiness, because the engine reports itself healthy while it refuses new requests.

No GET changes state. The only request that does is `POST /drain`, which is accepted only from the pod itself.
A client elsewhere that reaches the port can read and no more, also by way of a client that follows redirects.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from fairlead_contract.defaults import UNBOUNDED_REQUESTS
from fairlead_contract.demand import GatewayDemand
from fairlead_contract.status import GatewayLoad, PodReport

from .drain import Drain
from .gateway_context import GatewayContext
from .load_counters import read_engine
from .settings import ProcessSettings

# The operator gives up after 2 s. The gateway's own figures must not be lost because of a slow engine.
_ENGINE_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 60.0
# Addresses of the pod itself. All of 127.0.0.0/8 would be too much: service meshes forward from some of it.
_OWN_POD = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def create_admin(services: GatewayContext) -> FastAPI:
    """The application for the admin port."""
    app = FastAPI(title="Fairlead gateway admin", openapi_url=None)
    limiter, process = services.limiter, services.process
    drain = Drain(services, lambda: _start_of_engine(process))

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/livez")
    async def livez() -> JSONResponse:
        """Whether the engine should go on: the liveness probe of its container, where the spec restarts hung
        engines."""
        return JSONResponse(
            {"unresponsiveSeconds": _unresponsive(services)}, 503 if services.hang.hung else 200
        )

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        if limiter.draining:
            return JSONResponse({"reason": "Draining", "load": _load(services).model_dump()}, 503)
        if services.hang.hung:
            return JSONResponse({"reason": "EngineUnresponsive", "seconds": _unresponsive(services)}, 503)
        if await _serves(services):
            return JSONResponse({"reason": "Ready", "problems": services.problems})
        return JSONResponse({"reason": "EngineNotReady", "engine": read_engine_state(process)}, 503)

    @app.post("/drain")
    async def drain_pod(request: Request) -> JSONResponse:
        """Ends readiness at once and returns when nothing is in flight; the kubelet then stops the engine."""
        if request.client is None or request.client.host not in _OWN_POD:
            return JSONResponse({"message": "Only the pod itself may drain it; delete the pod instead."}, 403)
        await drain.run()
        return JSONResponse(_load(services).model_dump())

    _add_reports(app, services, drain)
    return app


def _add_reports(app: FastAPI, services: GatewayContext, drain: Drain) -> None:
    """The routes that only read."""
    limiter, process = services.limiter, services.process

    @app.get("/load")
    async def load() -> dict[str, Any]:
        return _load(services).model_dump()

    @app.get("/status")
    async def status() -> dict[str, Any]:
        """The status document for the operator, of a pod that starts or drains."""
        report = PodReport(
            in_flight=limiter.running,
            queued=limiter.waiting,
            draining=limiter.draining,
            drained=drain.done,
            ready=not limiter.draining and not services.hang.hung and await _serves(services),
            unresponsive_seconds=_unresponsive(services),
        )
        return report.with_state_files(read_engine_state(process), _read_state(process.weights_state))

    @app.get("/demand")
    async def demand(wait: float = 0.0, cursor: int | None = None) -> Response:
        """The load for the autoscaler; with a cursor, when it has risen or `wait` seconds have passed."""
        if cursor is not None:
            await services.demand.wait_above(cursor, min(max(wait, 0.0), _LONGEST_WAIT_SECONDS))
        return Response((await _demand(services)).to_json(), media_type="application/json")

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(
            services.telemetry.render() + await services.engine.metrics(), media_type=_METRICS_TYPE
        )


def read_engine_state(process: ProcessSettings) -> dict[str, Any] | None:
    """The launcher's last state, or None before it ran."""
    return _read_state(process.engine_state)


def _read_state(path: Path) -> dict[str, Any] | None:
    """A state file of another container; None while there is none. It is always replaced as a whole."""
    try:
        state = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) else None


async def _serves(services: GatewayContext) -> bool:
    """Whether requests can be served: the engine is healthy and has rendered the launcher's first prompt, and
    the gateway has read its context length.
    """
    state = read_engine_state(services.process) or {}
    rendered = state.get("promptRendered") is not False
    return rendered and services.engine_queried and await services.engine.healthy()


def _start_of_engine(process: ProcessSettings) -> float | None:
    """An identity of the engine's present start, None before the first."""
    return (read_engine_state(process) or {}).get("startedAt")


async def _demand(services: GatewayContext) -> GatewayDemand:
    limit = services.settings.max_running_requests
    metrics = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(_ENGINE_SECONDS):
            metrics = await services.engine.metrics()
    return services.demand.report(
        queued=services.limiter.waiting,
        in_flight=services.limiter.running,
        draining=services.limiter.draining,
        engine=read_engine(metrics, limit if limit < UNBOUNDED_REQUESTS else None),
    )


def _unresponsive(services: GatewayContext) -> float:
    return round(services.hang.unresponsive_seconds(services.clock()), 1)


def _load(services: GatewayContext) -> GatewayLoad:
    limiter = services.limiter
    return GatewayLoad(running=limiter.running, waiting=limiter.waiting, draining=limiter.draining)
