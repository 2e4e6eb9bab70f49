"""The API port: OpenAI's routes, and OpenAI's error shape for everything else.

The generation routes are plain ASGI applications mounted in FastAPI: its request and response machinery
costs more than the whole relay. Nothing of the engine's other routes is reachable from here.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from .contract.errors import ApiError, model_not_found
from .dialogues import ChatDialogue, ResponsesDialogue
from .edge import Edge, endpoint_of
from .serving import GenerationEndpoint, Services

_ANY_METHOD = ["GET", "POST", "DELETE", "PUT", "PATCH"]


def create_api(services: Services) -> ASGIApp:
    """The application for the API port."""
    app = FastAPI(title="Fairlead gateway", openapi_url=None)
    _add_error_handlers(app, services)
    chat = GenerationEndpoint("chat", services, ChatDialogue)
    responses = GenerationEndpoint("responses", services, ResponsesDialogue)
    app.router.routes += [
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/v1/responses", responses, methods=["POST"]),
        # Both APIs define routes below these for stored objects.
        Route("/v1/chat/completions/{rest:path}", _unsupported, methods=_ANY_METHOD),
        Route("/v1/responses/{rest:path}", _unsupported, methods=_ANY_METHOD),
    ]
    _add_models(app, services)
    return Edge(app, services.gate, services.telemetry)


async def _unsupported(request: Request) -> Response:
    message = f"{request.method} {request.url.path} is not supported: this service stores no data."
    raise ApiError(404, message, "unsupported_endpoint")


def _add_models(app: FastAPI, services: Services) -> None:
    def describe(name: str, engine_models: list[dict[str, Any]]) -> dict[str, Any]:
        # The engine stamps its list with the time of the call; a constant is what clients can compare.
        description: dict[str, Any] = {"id": name, "object": "model", "created": 0, "owned_by": "fairlead"}
        lengths = [model["max_model_len"] for model in engine_models if model.get("max_model_len")]
        return description | ({"max_model_len": lengths[0]} if lengths else {})

    @app.get("/v1/models")
    async def list_models() -> dict[str, Any]:
        engine_models = await services.engine.models()
        names = services.settings.model.names
        return {"object": "list", "data": [describe(name, engine_models) for name in names]}

    @app.get("/v1/models/{model:path}")
    async def retrieve_model(model: str) -> dict[str, Any]:
        if model not in services.settings.model.names:
            raise model_not_found(model)
        return describe(model, await services.engine.models())


def _add_error_handlers(app: FastAPI, services: Services) -> None:
    def answer(request: Request, error: ApiError) -> Response:
        services.telemetry.count_reject(endpoint_of(request.url.path), error.code)
        return Response(error.body(), error.status, error.headers, media_type="application/json")

    @app.exception_handler(ApiError)
    async def on_api_error(request: Request, error: ApiError) -> Response:
        return answer(request, error)

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> Response:
        codes = {404: "unknown_url", 405: "method_not_allowed"}
        message = f"{HTTPStatus(error.status_code).phrase}: {request.method} {request.url.path}"
        code = codes.get(error.status_code, "invalid_request")
        return answer(request, ApiError(error.status_code, message, code, headers=dict(error.headers or {})))

    @app.exception_handler(Exception)
    async def on_bug(request: Request, error: Exception) -> Response:
        return answer(
            request, ApiError(500, "The gateway failed; the request id is in its log.", "server_error")
        )
