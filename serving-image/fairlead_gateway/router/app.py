"""The ASGI application of the router's API port: the list of models, and OpenAI's errors for the rest."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from starlette.types import ASGIApp

from fairlead_gateway.app import add_refusals
from fairlead_gateway.edge import Edge
from fairlead_gateway.routes import MODELS

from .directory import Entry
from .services import RouterServices


def create_api(services: RouterServices) -> ASGIApp:
    """The application for the API port."""
    app = FastAPI(title="Fairlead router", openapi_url=None)

    def entries(request: Request) -> list[Entry]:
        """All models, or those of the one whose own Service the request came by."""
        if not services.fleet.synced:
            raise services.not_synced()
        directory = services.fleet.directory
        return directory.entries(directory.by_host(request.headers.get("host", "").lower()))

    @app.get(MODELS)
    async def list_models(request: Request) -> dict[str, Any]:
        return {"object": "list", "data": [_describe(entry) for entry in entries(request)]}

    @app.get(f"{MODELS}/{{model:path}}")
    async def retrieve_model(request: Request, model: str) -> dict[str, Any]:
        for entry in entries(request):
            if entry.id == model:
                return _describe(entry)
        meant = services.fleet.directory.resolve(model)
        return _describe(Entry(model, None)) | {"root": meant.model.served_name}

    add_refusals(app, services)
    return Edge(app, services)


def _describe(entry: Entry) -> dict[str, Any]:
    # As the gateways have it: a constant is what clients can compare.
    described = {"id": entry.id, "object": "model", "created": 0, "owned_by": "fairlead"}
    return described if entry.parent is None else described | {"parent": entry.parent}
