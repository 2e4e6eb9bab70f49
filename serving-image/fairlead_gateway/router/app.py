"""The ASGI application of the router's API port: the list of models, and OpenAI's errors for the rest."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp

from fairlead_gateway.app import add_refusals
from fairlead_gateway.middleware import RequestMiddleware
from fairlead_gateway.routes import MODELS

from .resolver import Entry, ModelResolver
from .router_context import RouterContext


def create_api(services: RouterContext) -> ASGIApp:
    """The application for the API port."""
    app = FastAPI(title="Fairlead router", openapi_url=None)

    def known(request: Request) -> tuple[ModelResolver, str]:
        """The models, and the Host by which the request came."""
        if not services.model_registry.synced:
            raise services.not_synced()
        return services.model_registry.resolver, request.headers.get("host", "").lower()

    # Any client may request the list, and there may be thousands of names: it is made once for each change.
    listed: list[Entry] = []
    body = b""

    @app.get(MODELS)
    async def list_models(request: Request) -> Response:
        nonlocal listed, body
        resolver, host = known(request)
        if (own := resolver.by_host(host)) is not None:
            return _json(_list(resolver.entries(own)))
        if (entries := resolver.entries()) is not listed:
            listed, body = entries, _list(entries)
        return _json(body)

    @app.get(f"{MODELS}/{{model:path}}")
    async def retrieve_model(request: Request, model: str) -> dict[str, Any]:
        resolver, host = known(request)
        return _describe(resolver.entry(model, host))

    add_refusals(app, services)
    return RequestMiddleware(app, services)


def _list(entries: list[Entry]) -> bytes:
    return orjson.dumps({"object": "list", "data": [_describe(entry) for entry in entries]})


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def _describe(entry: Entry) -> dict[str, Any]:
    described = {"id": entry.id, "object": "model", "created": entry.created, "owned_by": "fairlead"}
    return described | {
        name: value for name, value in (("parent", entry.parent), ("root", entry.root)) if value is not None
    }
