"""The ASGI application of the API port: the list of models, and OpenAI's error shape for everything else.

The generation routes do not come here (`server.protocol`). Nothing of the engine's other routes is reachable.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from .admission.key import Key
from .contract.errors import ApiError, model_not_found
from .gateway_context import GatewayContext
from .middleware import KEY_IN_SCOPE, RequestMiddleware, error_response
from .routes import MODELS, refusal
from .server_context import ServerContext


def create_api(services: GatewayContext) -> ASGIApp:
    """The application for the API port."""
    app = FastAPI(title="Fairlead gateway", openapi_url=None)
    _add_models(app, services)
    add_refusals(app, services)
    return RequestMiddleware(app, services)


def _add_models(app: FastAPI, services: GatewayContext) -> None:
    def describe(name: str) -> dict[str, Any]:
        # The engine stamps its list with the time of the call, which clients cannot compare.
        created = services.settings.created
        description: dict[str, Any] = {"id": name, "object": "model"}
        description |= {"created": created, "owned_by": "fairlead"}
        if name in services.settings.model.adapters:
            description["parent"] = services.settings.model.served_name
        length = services.policy.engine.context_length
        return description | ({} if length is None else {"max_model_len": length})

    def visible(request: Request) -> list[str]:
        key: Key | None = request.scope[KEY_IN_SCOPE]
        names = services.settings.model.names
        return [name for name in names if key is None or key.allows(name)]

    @app.get(MODELS)
    async def list_models(request: Request) -> dict[str, Any]:
        return {"object": "list", "data": [describe(name) for name in visible(request)]}

    @app.get(f"{MODELS}/{{model:path}}")
    async def retrieve_model(request: Request, model: str) -> dict[str, Any]:
        if model not in visible(request):
            raise model_not_found(model)
        return describe(model)


def add_refusals(app: FastAPI, services: ServerContext) -> None:
    """The answers to everything that no route of the application takes, and to its errors."""

    @app.exception_handler(ApiError)
    async def on_api_error(request: Request, error: ApiError) -> Response:
        return error_response(request.scope, error, services)

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> Response:
        # Raised where no route takes the path or the method. Not `request.url`: the Host is a part of that.
        refused = refusal(request.method, request.scope["path"], services.routes)
        return error_response(request.scope, refused, services)

    @app.exception_handler(Exception)
    async def on_bug(request: Request, error: Exception) -> Response:
        failed = ApiError(500, "The gateway failed; the request id is in its log.", "server_error")
        return error_response(request.scope, failed, services)
