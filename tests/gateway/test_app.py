"""The API port as a whole, called in-process, in front of an engine that fails at chosen bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from starlette.types import ASGIApp

from fairlead_gateway.admission.gate import Gate
from fairlead_gateway.app import create_api
from fairlead_gateway.serving import Services
from fairlead_gateway.settings import GatewaySettings
from fairlead_gateway.telemetry import Telemetry
from fairlead_gateway.upstream.client import EngineClient
from tests.gateway.asgi import call
from tests.gateway.scripted import CHUNK, HEAD, ScriptedEngine, answer, chunked, whole

CHAT: dict[str, Any] = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]}
RESPONSE: dict[str, Any] = {"model": "tiny", "input": "hi"}
COMPLETION = b'{"id":"chatcmpl-1","choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}]}'
ENGINE_400 = b'{"error":{"message":"no","type":"BadRequestError","param":"body.n","code":400}}'
CHAT_PATH, RESPONSES_PATH = "/v1/chat/completions", "/v1/responses"
GENERATIONS = [(CHAT_PATH, CHAT), (RESPONSES_PATH, RESPONSE)]


@pytest.fixture
def socket() -> Iterator[Path]:
    with TemporaryDirectory(prefix="fairlead-") as folder:
        yield Path(folder) / "engine.sock"


@asynccontextmanager
async def gateway(socket: Path, gate: Gate | None = None) -> AsyncIterator[ASGIApp]:
    settings = GatewaySettings.model_validate({"model": {"servedName": "tiny"}, "maxBodyBytes": 1000})
    gate = gate or Gate()
    client = EngineClient(str(socket))
    try:
        yield create_api(Services(settings, client, gate, Telemetry(gate)))
    finally:
        await client.close()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "unknown_url"),
        ("POST", "/v1/completions", 404, "unknown_url"),
        ("POST", "/tokenize", 404, "unknown_url"),
        ("GET", "/metrics", 404, "unknown_url"),
        ("GET", "/drain", 404, "unknown_url"),
        ("GET", CHAT_PATH, 405, "method_not_allowed"),
        ("GET", RESPONSES_PATH, 405, "method_not_allowed"),
        ("GET", f"{CHAT_PATH}/id", 404, "unsupported_endpoint"),
        ("POST", f"{CHAT_PATH}/batch", 404, "unsupported_endpoint"),
        ("DELETE", f"{CHAT_PATH}/id", 404, "unsupported_endpoint"),
        ("GET", f"{RESPONSES_PATH}/id", 404, "unsupported_endpoint"),
        ("DELETE", f"{RESPONSES_PATH}/id", 404, "unsupported_endpoint"),
        ("GET", f"{RESPONSES_PATH}/id/input_items", 404, "unsupported_endpoint"),
        ("POST", f"{RESPONSES_PATH}/input_tokens", 404, "unsupported_endpoint"),
        ("POST", f"{RESPONSES_PATH}/id/cancel", 404, "unsupported_endpoint"),
        ("POST", f"{RESPONSES_PATH}/compact", 404, "unsupported_endpoint"),
        ("GET", "/v1/models/other/name", 404, "model_not_found"),
    ],
)
async def test_what_is_not_served_says_so_in_the_envelope(
    socket: Path, method: str, path: str, status: int, code: str
) -> None:
    async with gateway(socket) as app:
        result = await call(app, method, path)

    assert (result.status, result.error["code"]) == (status, code)
    assert result.headers["x-request-id"].startswith("req_")
    assert result.headers.get("allow") == ("POST" if status == 405 else None)


async def test_every_answer_has_a_request_id_of_its_own(socket: Path) -> None:
    async with gateway(socket) as app:
        ids = {(await call(app, "GET", "/v1/models")).headers["x-request-id"] for _ in range(2)}

    assert len(ids) == 2


@pytest.mark.parametrize("headers", [{}, {"content_length": "5000"}])
async def test_a_body_above_the_limit_is_refused(socket: Path, headers: dict[str, str]) -> None:
    async with gateway(socket) as app:
        result = await call(app, "POST", CHAT_PATH, b"x" * 5000, **headers)

    assert (result.status, result.error["code"]) == (413, "request_too_large")


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_without_an_engine_the_client_is_told_to_retry(
    socket: Path, path: str, body: dict[str, Any]
) -> None:
    async with gateway(socket) as app:
        result = await call(app, "POST", path, body)

    assert (result.status, result.error["code"]) == (503, "engine_unavailable")
    assert int(result.headers["retry-after"]) > 0


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_engines_refusal_is_a_400_in_the_envelope(
    socket: Path, path: str, body: dict[str, Any], stream: bool
) -> None:
    script = answer(whole("400 Bad Request", ENGINE_400))
    async with ScriptedEngine(socket, script), gateway(socket) as app:
        result = await call(app, "POST", path, body | {"stream": stream})

    assert (result.status, result.error["param"]) == (400, "n")


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_an_error_as_first_event_is_a_400_and_no_stream(
    socket: Path, path: str, body: dict[str, Any]
) -> None:
    script = answer(HEAD, chunked(b"data: " + ENGINE_400 + b"\n\ndata: [DONE]\n\n"), b"0\r\n\r\n")
    async with ScriptedEngine(socket, script), gateway(socket) as app:
        result = await call(app, "POST", path, body | {"stream": True})

    assert (result.status, result.headers["content-type"]) == (400, "application/json")


@pytest.mark.parametrize("ending", [b"", b"0\r\n\r\n"], ids=["cut", "clean-end-without-done"])
@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_an_engine_that_stops_mid_stream_is_an_error_event(
    socket: Path, path: str, body: dict[str, Any], ending: bytes
) -> None:
    async with ScriptedEngine(socket, answer(HEAD, chunked(CHUNK), ending)), gateway(socket) as app:
        result = await call(app, "POST", path, body | {"stream": True})

    assert result.status == 200
    assert b'"error": {"message": ' in result.body
    assert b"[DONE]" not in result.body


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_an_engine_that_dies_before_its_answer_is_a_502(
    socket: Path, path: str, body: dict[str, Any]
) -> None:
    async with ScriptedEngine(socket, answer()), gateway(socket) as app:
        result = await call(app, "POST", path, body)

    assert (result.status, result.error["code"]) == (502, "engine_error")


async def test_a_kept_connection_that_died_is_replaced_once(socket: Path) -> None:
    async def answer_then_hang_up(engine: ScriptedEngine, reader: Any, writer: Any) -> None:
        await engine.read_request(reader)
        writer.write(whole("200 OK", COMPLETION))
        await engine.read_request(reader)  # the second request meets a connection that dies

    async with ScriptedEngine(socket, answer_then_hang_up) as engine, gateway(socket) as app:
        first = await call(app, "POST", CHAT_PATH, CHAT)
        second = await call(app, "POST", CHAT_PATH, CHAT)

    assert (first.status, second.status) == (200, 200)
    assert (len(engine.requests), engine.connections) == (3, 2)


async def test_headers_of_the_client_do_not_reach_the_engine(socket: Path) -> None:
    heads: list[bytes] = []

    async def record(engine: ScriptedEngine, reader: Any, writer: Any) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(whole("200 OK", COMPLETION))

    async with ScriptedEngine(socket, record), gateway(socket) as app:
        await call(app, "POST", CHAT_PATH, CHAT, x_vllm_priority="-9", x_request_id="mine", authorization="k")

    assert b"mine" not in heads[0]
    assert b"priority" not in heads[0].lower()
    assert b"authorization" not in heads[0].lower()


async def test_ignored_parameters_are_named_in_a_header(socket: Path) -> None:
    async with ScriptedEngine(socket, answer(whole("200 OK", COMPLETION))) as engine, gateway(socket) as app:
        result = await call(app, "POST", CHAT_PATH, CHAT | {"cache_salt": "x"})

    assert result.headers["x-fairlead-ignored-params"] == "cache_salt"
    assert json.loads(engine.requests[0]) == CHAT


async def test_a_draining_gateway_still_serves_and_ends_the_connection(socket: Path) -> None:
    gate = Gate()
    gate.draining = True
    async with ScriptedEngine(socket, answer(whole("200 OK", COMPLETION))), gateway(socket, gate) as app:
        result = await call(app, "POST", CHAT_PATH, CHAT)

    assert (result.status, result.headers["connection"]) == (200, "close")


async def test_a_request_above_the_bound_waits_for_its_turn(socket: Path) -> None:
    release = asyncio.Event()

    async def slow(engine: ScriptedEngine, reader: Any, writer: Any) -> None:
        await engine.read_request(reader)
        await release.wait()
        writer.write(whole("200 OK", COMPLETION))

    gate = Gate(limit=1)
    async with ScriptedEngine(socket, slow), gateway(socket, gate) as app, asyncio.timeout(30):
        calls = [asyncio.create_task(call(app, "POST", CHAT_PATH, CHAT)) for _ in range(2)]
        while gate.waiting == 0:  # noqa: ASYNC110 - the gate tells nobody who waits
            await asyncio.sleep(0.01)
        release.set()
        results = await asyncio.gather(*calls)

    assert [result.status for result in results] == [200, 200]
