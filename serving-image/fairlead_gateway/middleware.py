"""The parts of every answer of the ASGI application: a request id, a count, a checked key.

A plain ASGI wrapper outside FastAPI, so that its error pages and unknown routes are covered too.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .admission.connection_auth import ConnectionAuth
from .admission.fair_shares import address_holder
from .contract.errors import ApiError
from .routes import allowed_methods, cross_origin_refusal, endpoint_name, refusal
from .server_context import ServerContext

KEY_IN_SCOPE = "fairlead.key"
_CLIENT_LEFT = 499  # nginx's code for a client that left before an answer


class RequestMiddleware:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, services: ServerContext) -> None:
        self._app, self._services = app, services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        services = self._services
        started = services.clock()
        status = _CLIENT_LEFT
        owner = ""

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = f"req_{services.next_token()}"
                if services.draining:
                    # Clients that keep connections open must find another pod for their next request.
                    headers["connection"] = "close"
            await send(message)

        try:
            if scope["method"] == "OPTIONS":
                await _options(scope, services)(scope, receive, send_marked)
                return
            authorization = Headers(scope=scope).get("authorization", "")
            scope[KEY_IN_SCOPE] = None
            if services.keyed:
                auth = ConnectionAuth(address_holder((scope.get("client") or ("",))[0]))
                key = auth.check(services.keys, authorization.encode("latin-1"), services.attempts)
                scope[KEY_IN_SCOPE], owner = key, key.name
            await self._app(scope, receive, send_marked)
        except ApiError as error:
            await error_response(scope, error, services)(scope, receive, send_marked)
        finally:
            name = endpoint_name(scope["path"], services.routes)
            services.telemetry.count_request(name, status, services.clock() - started, owner)


def _options(scope: Scope, services: ServerContext) -> Response:
    """Checks method and API key of a path. Browsers send no key with a preflight, so none is required. Raises
    ApiError."""
    allowed = allowed_methods(scope["path"], services.routes)
    if not allowed:
        raise refusal("OPTIONS", scope["path"], services.routes)
    headers = Headers(scope=scope)
    requested_method = headers.get("access-control-request-method")
    if requested_method is not None and "origin" in headers:
        names = headers.get("access-control-request-headers", "")
        raise cross_origin_refusal(headers["origin"], requested_method, names)
    return Response(status_code=204, headers={"allow": allowed})


def error_response(scope: Scope, error: ApiError, services: ServerContext) -> Response:
    """The error in OpenAI's envelope; counted."""
    services.telemetry.count_reject(endpoint_name(scope["path"], services.routes), error.code)
    return Response(error.body(), error.status, error.headers, media_type="application/json")
