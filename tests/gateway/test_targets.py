"""Every form of a request's target, and its Host: both decide which model is meant (RFC 9112, 3.2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gateway.bodies import CHAT_PATH
from tests.gateway.fronts import BODY, OK, both, code_of, exchange, fronts, status_of
from tests.gateway.wire import post, raw
from tests.router.objects import model
from tests.router.wire import ScriptedPod, running_router


def get(target: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    """A request without a body, and without a Host unless it is among the headers."""
    return "\r\n".join([f"{method} {target} HTTP/{version}", *headers, "", ""]).encode()


# Targets


@both
@pytest.mark.parametrize(
    "target",
    [
        f"http://models.example{CHAT_PATH}",
        f"HTTPS://models.example:8443{CHAT_PATH}?api-version=1",
        f"http://[2001:db8::1]:8000{CHAT_PATH}/",
        f"{CHAT_PATH}/",
        f"{CHAT_PATH}//",
        f"{CHAT_PATH}/?api-version=1/",
        f"{CHAT_PATH}#part",
    ],
)
async def test_a_generation_is_served_at_every_form_of_its_target(
    kind: str, socket: Path, target: str
) -> None:
    async with fronts(kind, socket) as (front, engine):
        received = await raw(front, post(target, BODY, "connection: close"))
        heads = engine.heads if isinstance(engine, ScriptedPod) else []

    assert status_of(received) == 200
    assert engine.requests == [BODY]
    assert all(head.startswith(f"POST {CHAT_PATH} HTTP/1.1\r\n".encode()) for head in heads)


@both
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("base", ["", "http://models.example"])
@pytest.mark.parametrize(
    ("path", "part"), [("/v1/models", b'"object":"list"'), ("/v1/models/tiny", b'{"id":"tiny"')]
)
async def test_the_models_are_served_at_every_form_of_their_target(
    kind: str, socket: Path, base: str, path: str, slash: str, part: bytes
) -> None:
    async with fronts(kind, socket) as (front, _):
        received = await raw(front, get(base + path + slash, "host: x", "connection: close"))

    assert status_of(received) == 200
    assert part in received


@both
@pytest.mark.parametrize("path", [f"/{CHAT_PATH}", "/v1/./chat/completions", f"/v1/..{CHAT_PATH}"])
async def test_other_spellings_of_a_path_are_other_paths(kind: str, socket: Path, path: str) -> None:
    async with fronts(kind, socket) as (front, engine):
        received = await raw(front, post(path, BODY, "connection: close"))

    assert (status_of(received), code_of(received)) == (404, "unknown_url")
    assert engine.requests == []


@both
@pytest.mark.parametrize("behind_another", [False, True])
@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("CONNECT", "models.example:443", 405),
        ("CONNECT", "/v1/models", 405),
        ("GET", "*", 400),
        ("GET", "http:///v1/models", 400),
        ("GET", "http://user@models.example/v1/models", 400),
        ("GET", "http://models.example", 404),
        ("GET", "http://models.example?query", 404),
    ],
)
async def test_an_unknown_request_target_gets_an_http_error(
    kind: str, socket: Path, method: str, target: str, status: int, behind_another: bool
) -> None:
    before = get("/v1/models", "host: x") if behind_another else b""
    async with fronts(kind, socket) as (front, _):
        received = await raw(front, before + get(target, "host: x", "connection: close", method=method))
    answers = received.split(b"HTTP/1.1 ")[1:]

    assert len(answers) == 1 + behind_another
    assert answers[-1].startswith(str(status).encode())
    assert code_of(received)
    assert (b"\r\nallow: " in answers[-1]) == (status == 405)


async def test_the_host_of_an_absolute_target_overrides_the_host_header() -> None:
    async with (
        ScriptedPod(OK) as one,
        ScriptedPod(OK) as two,
        running_router(model(namespace="team"), model(namespace="other")) as router,
    ):
        router.ready(one.port)
        router.ready(two.port, namespace="other")
        request = post(f"http://tiny.other{CHAT_PATH}", BODY, "connection: close")
        received = await raw(router, request.replace(b"host: x", b"host: tiny.team"))
        heads = list(two.heads)

    assert status_of(received) == 200
    assert not one.heads
    assert [line for line in heads[0].split(b"\r\n") if line.startswith(b"host")] == [b"host: tiny.other"]


# Host


@both
@pytest.mark.parametrize("path", [CHAT_PATH, "/v1/models", "/nothing"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "hosts",
    [
        [],
        ["host: x", "host: x"],
        ["host: x", "host: y"],
        ["host: a b"],
        ["host: a/b"],
        ["host: user@a"],
        ["host: a:port"],
        ["host: ["],
        ["host: [::1"],
    ],
)
async def test_a_missing_repeated_or_invalid_host_header_is_refused(
    kind: str, socket: Path, method: str, path: str, hosts: list[str]
) -> None:
    async with fronts(kind, socket) as (front, engine):
        received = await exchange(front, get(path, *hosts, "content-length: 2", method=method) + b"{}")

    assert (status_of(received), code_of(received)) == (400, "invalid_request")
    assert engine.requests == []


@both
@pytest.mark.parametrize("host", ["a.b-c_d:8000", "[2001:db8::1]:8000", "10.0.0.1", "A.B.", ""])
async def test_every_valid_host_header_is_accepted(kind: str, socket: Path, host: str) -> None:
    async with fronts(kind, socket) as (front, _):
        received = await raw(front, get("/v1/models", f"host: {host}", "connection: close"))

    assert status_of(received) == 200


@both
async def test_http_1_0_without_a_host_header_is_accepted(kind: str, socket: Path) -> None:
    async with fronts(kind, socket) as (front, _):
        listed = await raw(front, get("/v1/models", version="1.0"))
        head = get(CHAT_PATH, f"content-length: {len(BODY)}", method="POST", version="1.0")
        answered = await raw(front, head + BODY)

    assert (status_of(listed), status_of(answered)) == (200, 200)


@both
async def test_http_1_0_with_two_host_headers_is_refused(kind: str, socket: Path) -> None:
    async with fronts(kind, socket) as (front, _):
        received = await raw(front, get("/v1/models", "host: x", "host: x", version="1.0"))

    assert status_of(received) == 400
