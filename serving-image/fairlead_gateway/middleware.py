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
from .request_facts import RequestFacts
from .request_id import REQUEST_ID_HEADER, header_line, id_in
from .routes import allowed_methods, cross_origin_refusal, endpoint_name, refusal
from .server_context import ServerContext

KEY_IN_SCOPE = "fairlead.key"
_CODE_IN_SCOPE = "fairlead.code"
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
        given = Headers(scope=scope).get(REQUEST_ID_HEADER.decode(), "")
        request_id = id_in(header_line(given.encode("latin-1"), services.next_token()))

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                if services.cors is not None:
                    headers.raw.extend(services.cors.answer_headers(dict(scope["headers"]).get(b"origin")))
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
            seconds = services.clock() - started
            services.telemetry.count_request(name, status, seconds, owner)
            code = scope.get(_CODE_IN_SCOPE)
            services.report(RequestFacts(request_id, name, status, seconds, code, key=owner or None), None)


def _options(scope: Scope, services: ServerContext) -> Response:
    """Checks method and API key of a path. Browsers send no key with a preflight, so none is required. Raises
    ApiError."""
    headers = Headers(scope=scope)
    method, origin = headers.get("access-control-request-method", ""), headers.get("origin", "")
    names = headers.get("access-control-request-headers", "")
    is_preflight = bool(method and origin)
    if is_preflight and services.cors is not None:
        # Whatever the path: a page that calls a wrong one then sees the error of its own request.
        return Response(status_code=204, headers=services.cors.preflight(origin, names))
    allowed = allowed_methods(scope["path"], services.routes)
    if not allowed:
        raise refusal("OPTIONS", scope["path"], services.routes)
    if is_preflight:
        raise cross_origin_refusal(origin, method, names)
    return Response(status_code=204, headers={"allow": allowed})


def error_response(scope: Scope, error: ApiError, services: ServerContext) -> Response:
    """The error in OpenAI's envelope; counted."""
    scope[_CODE_IN_SCOPE] = error.code
    services.telemetry.count_reject(endpoint_name(scope["path"], services.routes), error.code)
    return Response(error.body(), error.status, error.headers, media_type="application/json")
