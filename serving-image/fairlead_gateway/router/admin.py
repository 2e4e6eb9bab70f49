"""The router's admin port: probes, metrics, and the demand that the operator's autoscaler long-polls."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.responses import JSONResponse, Response

from fairlead_contract.demand import RouterDemand

from .router_context import RouterContext

_LONGEST_WAIT_SECONDS = 60.0
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def create_admin(services: RouterContext) -> FastAPI:
    """The application for the admin port."""
    app = FastAPI(title="Fairlead router admin", openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        """Ready once the models are known: a later outage of the API server changes nothing."""
        if services.draining:
            return JSONResponse({"reason": "Draining"}, 503)
        if not services.model_registry.synced:
            return JSONResponse({"reason": "ModelsUnknown"}, 503)
        return JSONResponse({"reason": "Ready"})

    @app.get("/demand")
    async def demand(wait: float = 0.0, cursor: int | None = None) -> Response:
        """The demand of each model; with a cursor, when it has risen or `wait` seconds have passed."""
        model_registry = services.model_registry
        if cursor is not None:
            await model_registry.rise.wait_above(cursor, min(max(wait, 0.0), _LONGEST_WAIT_SECONDS))
        document = RouterDemand(
            boot=services.boot, cursor=model_registry.rise.cursor, models=model_registry.figures()
        )
        return Response(document.to_json(), media_type="application/json")

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(services.telemetry.render(), media_type=_METRICS_TYPE)

    return app
