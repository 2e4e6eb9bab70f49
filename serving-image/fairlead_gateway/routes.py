"""Which path is which generation API, and what every other path is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .contract.chat import ChatDialogue
from .contract.dialects import Dialect
from .contract.dialogue import DialogueFactory
from .contract.errors import ApiError
from .contract.parameters import Api
from .responses.dialogue import ResponsesDialogue

MODELS = "/v1/models"
# What a router adds to a request, with its own name as the value, and what a gateway tells it in return.
ROUTER_HEADER, LOAD_HEADER = b"x-fairlead-router", b"x-fairlead-load"
_PATHS = {"/v1/chat/completions": Api.CHAT, "/v1/responses": Api.RESPONSES}


@dataclass(frozen=True)
class Endpoint:
    """One of the generation APIs; `name` is its metric label."""

    name: str
    factory: DialogueFactory


_ENDPOINTS = {
    Api.CHAT: Endpoint("chat", ChatDialogue),
    Api.RESPONSES: Endpoint("responses", ResponsesDialogue),
}


def generation_routes(dialect: Dialect) -> Mapping[bytes, Endpoint]:
    """The paths that take a POST, the dialect's own among them."""
    return {path.encode(): _ENDPOINTS[api] for path, api in (_PATHS | dict(dialect.paths)).items()}


def refusal(method: str, path: str, routes: Mapping[bytes, Endpoint]) -> ApiError:
    """Why a request is not served. 404 also for what is not implemented: SDKs repeat what ends in a 5xx."""
    if path.encode() in routes:
        return _wrong_method(method, path, "POST")
    if path == MODELS or path.startswith(f"{MODELS}/"):
        return _wrong_method(method, path, "GET")
    # Both APIs define routes below these for stored objects.
    if any(path.startswith(f"{route.decode()}/") for route in routes):
        message = f"{method} {path} is not supported: this service stores no data."
        return ApiError(404, message, "unsupported_endpoint")
    known = ", ".join(sorted(f"POST {route.decode()}" for route in routes))
    return ApiError(404, f"There is no {method} {path} here. Use {known} or GET {MODELS}.", "unknown_url")


def endpoint_name(path: str, routes: Mapping[bytes, Endpoint]) -> str:
    """The metric label of a path."""
    endpoint = routes.get(path.encode())
    if endpoint is not None:
        return endpoint.name
    return "models" if path == MODELS or path.startswith(f"{MODELS}/") else "other"


def _wrong_method(method: str, path: str, allowed: str) -> ApiError:
    message = f"{method} is not supported for {path}; use {allowed}."
    return ApiError(405, message, "method_not_allowed", headers={"allow": allowed})
