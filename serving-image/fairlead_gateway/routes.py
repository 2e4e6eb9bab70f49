"""The generation APIs by path, and the errors for all other paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fairlead_contract.dialects import Dialect
from fairlead_contract.parameters import ApiKind

from .bounds import MAX_PREFLIGHT_CHARACTERS
from .contract.api_adapter import ApiAdapterFactory
from .contract.chat import ChatAdapter
from .contract.errors import ApiError
from .responses.api_adapter import ResponsesAdapter

MODELS = "/v1/models"
ALL_METHODS = "GET, HEAD, OPTIONS, POST"
# The header that a router adds to a request, with its own name as the value, and the header of the gateway's
# answer.
ROUTER_HEADER, LOAD_HEADER = b"x-fairlead-router", b"x-fairlead-load"
# A trailer behind a stream that has failed: the status that a router counts it as.
STREAM_STATUS_TRAILER = b"x-fairlead-stream-status"
_PATHS = {"/v1/chat/completions": ApiKind.CHAT, "/v1/responses": ApiKind.RESPONSES}


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """A generation API at one of its paths; `name` is the API's metric label."""

    name: str
    factory: ApiAdapterFactory
    path: bytes


_ADAPTERS: Mapping[ApiKind, tuple[str, ApiAdapterFactory]] = {
    ApiKind.CHAT: ("chat", ChatAdapter),
    ApiKind.RESPONSES: ("responses", ResponsesAdapter),
}


def generation_routes(dialect: Dialect) -> Mapping[bytes, ApiRoute]:
    """The paths that take a POST, the dialect's own among them."""
    paths = {path.encode(): api for path, api in (_PATHS | dict(dialect.paths)).items()}
    return {path: ApiRoute(*_ADAPTERS[api], path) for path, api in paths.items()}


def refusal(method: str, path: str, routes: Mapping[bytes, ApiRoute]) -> ApiError:
    """Why a request is not served. 404 also for what is not implemented: SDKs repeat what ends in a 5xx."""
    if allowed := allowed_methods(path, routes):
        use = "POST" if "POST" in allowed else "GET"
        message = f"{method} is not supported for {path}; use {use}."
        return ApiError(405, message, "method_not_allowed", headers={"allow": allowed})
    # Both APIs define routes below these for stored objects.
    if any(path.startswith(f"{route.decode()}/") for route in routes):
        message = f"{method} {path} is not supported: this service stores no data."
        return ApiError(404, message, "unsupported_endpoint")
    known = ", ".join(sorted(f"POST {route.decode()}" for route in routes))
    return ApiError(404, f"There is no {method} {path} here. Use {known} or GET {MODELS}.", "unknown_url")


def allowed_methods(path: str, routes: Mapping[bytes, ApiRoute]) -> str:
    """The Allow header of a path, "" if nothing is served there."""
    if path == "*":
        return ALL_METHODS
    if path.encode() in routes:
        return "OPTIONS, POST"
    return "GET, HEAD, OPTIONS" if _is_of_models(path) else ""


def cross_origin_refusal(origin: str, method: str, headers: str) -> ApiError:
    """The answer to a CORS preflight of a browser, for a page of another origin: with these
    Access-Control-Request-* headers.
    """
    required = {"Origin": origin, "Methods": method, "Headers": headers}
    answer = ", ".join(
        f"'Access-Control-Allow-{name}: {value[:MAX_PREFLIGHT_CHARACTERS]}'"
        for name, value in required.items()
        if value
    )
    message = (
        "Pages of other origins may not call this API: CORS is off. Call the API from the page's backend, "
        "which also keeps the API key out of the browser. Or allow the page's origin in the router, by the "
        "chart's value router.cors.allowedOrigins. Or let the proxy or ingress before this service answer "
        f"such OPTIONS requests with status 204 and {answer}, and add Access-Control-Allow-Origin to all "
        "other answers."
    )
    return ApiError(403, message, "cross_origin_not_allowed")


def endpoint_name(path: str, routes: Mapping[bytes, ApiRoute]) -> str:
    """The metric label of a path."""
    endpoint = routes.get(path.encode())
    if endpoint is not None:
        return endpoint.name
    return "models" if _is_of_models(path) else "other"


def _is_of_models(path: str) -> bool:
    return path == MODELS or path.startswith(f"{MODELS}/")
