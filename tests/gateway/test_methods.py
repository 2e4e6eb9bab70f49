"""HEAD, OPTIONS and every other method, on every port."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from fairlead_gateway.admin import create_admin
from fairlead_gateway.bounds import MAX_HEADERS, MAX_PREFLIGHT_CHARACTERS
from fairlead_gateway.router import admin as router_admin
from fairlead_gateway.server.bounded_http import admin_protocol
from tests.gateway.bodies import CHAT_PATH, RESPONSES_PATH
from tests.gateway.fronts import both, exchange, fronts, status_of
from tests.gateway.test_admission import APIKEY, KEYS
from tests.gateway.wire import Gateway, listening, raw, running_gateway

MODELS = "/v1/models"
PREFLIGHT = {
    "origin": "https://page.example",
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-stainless-os",
}


def request(method: str, path: str, *headers: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "host: x", *headers, "", ""]).encode()


def headers_of(head: bytes) -> dict[bytes, bytes]:
    """All but what differs from answer to answer."""
    lines = (line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    return {name: value for name, value in lines if name not in (b"x-request-id", b"date")}


# HEAD


@both
@pytest.mark.parametrize("path", [MODELS, f"{MODELS}/tiny", f"{MODELS}/other", "/nothing", CHAT_PATH])
async def test_head_has_the_headers_of_get_and_the_connection_stays_open(
    kind: str, socket: Path, path: str
) -> None:
    async with fronts(kind, socket) as (front, _):
        received = await raw(front, request("HEAD", path) + request("GET", path, "connection: close"))

    head, rest = received.split(b"\r\n\r\n", 1)
    other, body = rest.split(b"\r\n\r\n", 1)
    assert head.split(b"\r\n")[0] == other.split(b"\r\n")[0]
    assert headers_of(head).keys() == headers_of(other).keys() - {b"connection"}
    assert headers_of(head)[b"content-type"] == b"application/json"
    assert len(body) == int(headers_of(other)[b"content-length"])


@both
async def test_head_of_a_post_route_is_a_405(kind: str, socket: Path) -> None:
    async with fronts(kind, socket) as (front, _):
        received = await raw(front, request("HEAD", CHAT_PATH, "connection: close"))

    head, body = received.split(b"\r\n\r\n", 1)
    assert (status_of(received), body) == (405, b"")
    assert headers_of(head)[b"allow"] == b"OPTIONS, POST"


@both
@pytest.mark.parametrize(
    "wrong", [b"HEAD /v1/models HTTP/1.1\r\n\r\n", request("HEAD", MODELS, *["a: b"] * MAX_HEADERS)]
)
async def test_a_refused_head_request_gets_no_body(kind: str, socket: Path, wrong: bytes) -> None:
    async with fronts(kind, socket) as (front, _):
        received = await exchange(front, wrong)

    assert status_of(received) in (400, 431)
    assert received.endswith(b"\r\n\r\n")


@both
@pytest.mark.parametrize("path", ["/healthz", "/healthz/", "/demand", "/metrics"])
async def test_head_works_on_the_admin_port(kind: str, socket: Path, path: str) -> None:
    async with fronts(kind, socket) as (front, _):
        services: Any = front.services
        app = create_admin(services) if kind == "gateway" else router_admin.create_admin(services)
        async with listening(app, admin_protocol(services)) as port:
            admin = Gateway(services, port, cast("Any", None))
            received = await raw(admin, request("HEAD", path) + request("GET", path, "connection: close"))

    head, rest = received.split(b"\r\n\r\n", 1)
    assert status_of(head) == status_of(rest) == 200
    assert headers_of(head)[b"content-type"] in rest


# OPTIONS


@both
@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        (CHAT_PATH, "OPTIONS, POST"),
        (RESPONSES_PATH, "OPTIONS, POST"),
        (MODELS, "GET, HEAD, OPTIONS"),
        (f"{MODELS}/tiny", "GET, HEAD, OPTIONS"),
        ("*", "GET, HEAD, OPTIONS, POST"),
        ("http://models.example", "GET, HEAD, OPTIONS, POST"),
    ],
)
async def test_options_lists_the_allowed_methods(kind: str, socket: Path, target: str, allowed: str) -> None:
    async with fronts(kind, socket) as (front, _):
        received = await raw(front, request("OPTIONS", target, "connection: close"))

    head, body = received.split(b"\r\n\r\n", 1)
    assert (status_of(received), body) == (204, b"")
    assert headers_of(head)[b"allow"] == allowed.encode()


@both
async def test_options_of_an_unknown_path_is_a_404(kind: str, socket: Path) -> None:
    async with fronts(kind, socket) as (front, _):
        result = await front.call("OPTIONS", "/nothing", headers=PREFLIGHT)

    assert (result.status, result.error["code"]) == (404, "unknown_url")


@both
@pytest.mark.parametrize("path", [CHAT_PATH, RESPONSES_PATH, MODELS, f"{MODELS}/tiny"])
async def test_a_cors_preflight_is_refused_with_the_headers_for_a_proxy_in_its_message(
    kind: str, socket: Path, path: str
) -> None:
    async with fronts(kind, socket) as (front, _):
        result = await front.call("OPTIONS", path, headers=PREFLIGHT)

    assert (result.status, result.error["code"]) == (403, "cross_origin_not_allowed")
    for needed in (
        "Access-Control-Allow-Origin: https://page.example",
        "Access-Control-Allow-Methods: POST",
        "Access-Control-Allow-Headers: authorization,content-type,x-stainless-os",
    ):
        assert needed in result.error["message"]
    assert not [name for name in result.headers if name.startswith("access-control-")]


@both
async def test_a_long_cors_preflight_does_not_cut_the_remedy_off_the_message(kind: str, socket: Path) -> None:
    long = PREFLIGHT | {"access-control-request-headers": "x" * 10 * MAX_PREFLIGHT_CHARACTERS}
    async with fronts(kind, socket) as (front, _):
        result = await front.call("OPTIONS", CHAT_PATH, headers=long)

    assert result.error["message"].endswith("Access-Control-Allow-Origin to all other answers.")


async def test_a_cors_preflight_needs_no_key(socket: Path) -> None:
    async with running_gateway(socket, KEYS, auth=APIKEY) as gateway:
        result = await gateway.call("OPTIONS", CHAT_PATH, headers=PREFLIGHT)
        listed = await gateway.call("GET", MODELS)

    assert (result.status, listed.status) == (403, 401)


# All others


@both
@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "PROPFIND"])
@pytest.mark.parametrize(("path", "use"), [(CHAT_PATH, "POST"), (MODELS, "GET")])
async def test_other_methods_are_a_405(kind: str, socket: Path, method: str, path: str, use: str) -> None:
    async with fronts(kind, socket) as (front, _):
        result = await front.call(method, path)

    assert (result.status, result.error["code"]) == (405, "method_not_allowed")
    assert result.error["message"] == f"{method} is not supported for {path}; use {use}."
    assert use in result.headers["allow"]
