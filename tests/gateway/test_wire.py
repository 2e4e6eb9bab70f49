"""The generation routes on the wire, in front of an engine that fails at chosen bytes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from fairlead_gateway.settings import ProcessSettings
from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION, GENERATIONS, STREAM
from tests.gateway.scripted import CHUNK, HEAD, ScriptedEngine, answer, chunked, hang, streams, whole
from tests.gateway.wire import post, raw, running_gateway, sweep_until, until

ENGINE_400 = b'{"error":{"message":"no","type":"BadRequestError","param":"body.seed","code":400}}'
ENDLESS = json.dumps(CHAT | {"stream": True}).encode()


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_without_an_engine_the_client_gets_a_503_with_retry_after(
    socket: Path, path: str, body: dict[str, Any]
) -> None:
    async with running_gateway(socket) as gateway:
        result = await gateway.call("POST", path, body)

    assert (result.status, result.error["code"]) == (503, "engine_unavailable")
    assert int(result.headers["retry-after"]) > 0


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_engines_refusal_is_a_400_in_the_envelope(
    socket: Path, path: str, body: dict[str, Any], stream: bool
) -> None:
    script = answer(whole("400 Bad Request", ENGINE_400))
    async with ScriptedEngine(socket, script), running_gateway(socket) as gateway:
        result = await gateway.call("POST", path, body | {"stream": stream, "seed": 1})

    assert (result.status, result.error["param"]) == (400, "seed")


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_an_error_as_first_event_is_a_plain_400_and_not_a_stream(
    socket: Path, path: str, body: dict[str, Any]
) -> None:
    script = answer(HEAD, chunked(b"data: " + ENGINE_400 + b"\n\ndata: [DONE]\n\n"), b"0\r\n\r\n")
    async with ScriptedEngine(socket, script), running_gateway(socket) as gateway:
        result = await gateway.call("POST", path, body | {"stream": True})

    assert (result.status, result.headers["content-type"]) == (400, "application/json")


@pytest.mark.parametrize("ending", [b"", b"0\r\n\r\n", b"zz\r\n"], ids=["cut", "end-without-done", "garbage"])
@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_an_engine_that_stops_mid_stream_is_an_error_event(
    socket: Path, path: str, body: dict[str, Any], ending: bytes
) -> None:
    async with (
        ScriptedEngine(socket, answer(HEAD, chunked(CHUNK), ending)),
        running_gateway(socket) as gateway,
    ):
        result = await gateway.call("POST", path, body | {"stream": True})

    events = [json.loads(line[6:]) for line in result.body.split(b"\n") if line.startswith(b"data: {")]
    errors = [event["error"] for event in events if event.get("error")]
    assert result.status == 200
    assert errors[0]["message"]
    assert b"[DONE]" not in result.body


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_engine_that_dies_before_its_answer_is_a_502(
    socket: Path, path: str, body: dict[str, Any], stream: bool
) -> None:
    async with ScriptedEngine(socket, answer()), running_gateway(socket) as gateway:
        result = await gateway.call("POST", path, body | {"stream": stream})

    assert (result.status, result.error["code"]) == (502, "engine_error")


async def test_an_answer_that_breaks_off_is_a_502(socket: Path) -> None:
    cut = whole("200 OK", COMPLETION)[:-10]
    async with ScriptedEngine(socket, answer(cut)), running_gateway(socket) as gateway:
        result = await gateway.call("POST", CHAT_PATH, CHAT)

    assert (result.status, result.error["code"]) == (502, "engine_error")


async def test_a_stream_ends_when_its_end_marker_came_although_the_engine_keeps_the_connection(
    socket: Path,
) -> None:
    async with ScriptedEngine(socket, streams(STREAM)), running_gateway(socket) as gateway:
        result = await gateway.call("POST", CHAT_PATH, CHAT | {"stream": True})

    assert result.body == STREAM


async def test_an_engine_that_is_silent_for_too_long_is_a_504(socket: Path) -> None:
    async with (
        ScriptedEngine(socket, hang),
        running_gateway(socket, engineSilenceTimeoutSeconds=1) as gateway,
    ):
        call = asyncio.ensure_future(gateway.call("POST", CHAT_PATH, CHAT))
        await sweep_until(gateway, call.done)

    assert ((await call).status, (await call).error["code"]) == (504, "engine_timeout")


async def test_an_engine_that_hangs_mid_stream_ends_the_stream_with_an_error(socket: Path) -> None:
    async with (
        ScriptedEngine(socket, streams(CHUNK)),
        running_gateway(socket, engineSilenceTimeoutSeconds=1) as gateway,
    ):
        call = asyncio.ensure_future(gateway.call("POST", CHAT_PATH, CHAT | {"stream": True}))
        await sweep_until(gateway, call.done)

    body = (await call).body
    assert body.startswith(CHUNK)
    assert b'"code":"engine_timeout"' in body


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_a_waiting_stream_is_opened_and_gets_pings(
    socket: Path, path: str, body: dict[str, Any]
) -> None:
    process = ProcessSettings(ping_seconds=0.05)
    async with ScriptedEngine(socket, hang), running_gateway(socket, process=process) as gateway:
        reader, writer = await gateway.connect()
        data = json.dumps(body | {"stream": True}).encode()
        writer.write(post(path, data))
        received = b""

        async def read() -> None:
            nonlocal received
            while received.count(b": ping\n") < 2:
                received += await reader.read(1000)

        reading = asyncio.ensure_future(read())
        await sweep_until(gateway, reading.done)
        writer.close()

    assert received.startswith(b"HTTP/1.1 200 OK")
    assert b": ping\n\n" not in received


async def test_an_engines_refusal_after_pings_is_an_error_event(socket: Path) -> None:
    refuse = asyncio.Event()

    async def late(engine: ScriptedEngine, reader: Any, writer: Any) -> None:
        await engine.read_request(reader)
        await refuse.wait()
        writer.write(whole("400 Bad Request", ENGINE_400))
        await reader.read()

    process = ProcessSettings(ping_seconds=0.05)
    async with ScriptedEngine(socket, late), running_gateway(socket, process=process) as gateway:
        reader, writer = await gateway.connect()
        writer.write(post(CHAT_PATH, ENDLESS, "connection: close"))
        reading = asyncio.ensure_future(reader.readuntil(b": ping\n"))
        await sweep_until(gateway, reading.done)
        refuse.set()
        rest = await reader.read()
        writer.close()

    assert b'data: {"error":{"message":"no"' in rest


async def test_a_kept_connection_that_died_is_replaced_once(socket: Path) -> None:
    async def answer_then_hang_up(engine: ScriptedEngine, reader: Any, writer: Any) -> None:
        await engine.read_request(reader)
        writer.write(whole("200 OK", COMPLETION))
        await engine.read_request(reader)  # the second request meets a connection that dies

    async with ScriptedEngine(socket, answer_then_hang_up) as engine, running_gateway(socket) as gateway:
        first = await gateway.call("POST", CHAT_PATH, CHAT)
        second = await gateway.call("POST", CHAT_PATH, CHAT)

    assert (first.status, second.status) == (200, 200)
    assert (len(engine.requests), engine.connections) == (3, 2)


async def test_headers_of_the_client_do_not_reach_the_engine(socket: Path) -> None:
    heads: list[bytes] = []

    async def record(engine: ScriptedEngine, reader: Any, writer: Any) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(whole("200 OK", COMPLETION))

    sent = {"x-vllm-priority": "-9", "x-request-id": "mine", "authorization": "k", "x-session-id": "s"}
    async with ScriptedEngine(socket, record), running_gateway(socket) as gateway:
        await gateway.call("POST", CHAT_PATH, CHAT, sent)

    names = {line.split(b":")[0] for line in heads[0].split(b"\r\n")[1:] if line}
    assert names == {b"host", b"content-type", b"content-length", b"x-request-id"}


async def test_ignored_parameters_are_named_in_a_header(socket: Path) -> None:
    async with (
        ScriptedEngine(socket, answer(whole("200 OK", COMPLETION))) as engine,
        running_gateway(socket) as gateway,
    ):
        result = await gateway.call("POST", CHAT_PATH, CHAT | {"cache_salt": "x"})

    assert result.headers["x-fairlead-ignored-params"] == "cache_salt"
    assert json.loads(engine.requests[0]) == CHAT


async def test_an_ignored_parameter_name_cannot_inject_a_header(socket: Path) -> None:
    async with (
        ScriptedEngine(socket, answer(whole("200 OK", COMPLETION))),
        running_gateway(socket) as gateway,
    ):
        result = await gateway.call("POST", CHAT_PATH, CHAT | {"a\r\nset-cookie: b": 1})

    assert result.status == 200
    assert "set-cookie" not in result.headers


@pytest.mark.parametrize(("bound", "load"), [(1024, "1/-"), (16, "1/16")])
async def test_an_answer_reports_the_pods_load_to_a_router(socket: Path, bound: int, load: str) -> None:
    async with (
        ScriptedEngine(socket, answer(whole("200 OK", COMPLETION))),
        running_gateway(socket, maxRunningRequests=bound) as gateway,
    ):
        result = await gateway.call("POST", CHAT_PATH, CHAT, {"x-fairlead-router": "a"})
        direct = await gateway.call("POST", CHAT_PATH, CHAT)

    assert result.headers["x-fairlead-load"] == load
    assert "x-fairlead-load" not in direct.headers


async def test_a_draining_gateway_still_serves_and_ends_the_connection(socket: Path) -> None:
    async with (
        ScriptedEngine(socket, answer(whole("200 OK", COMPLETION))),
        running_gateway(socket) as gateway,
    ):
        gateway.services.limiter.draining = True
        received = await raw(gateway, post(CHAT_PATH, json.dumps(CHAT).encode()))

    assert received.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" in received


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
@pytest.mark.parametrize("script", [hang, streams(CHUNK)], ids=["before-the-answer", "mid-stream"])
async def test_the_engine_connection_closes_when_the_client_disconnects(
    socket: Path, path: str, body: dict[str, Any], script: Any
) -> None:
    disconnected = asyncio.Event()

    async def watched(engine: ScriptedEngine, reader: Any, writer: Any) -> None:
        await script(engine, reader, writer)
        disconnected.set()

    async with ScriptedEngine(socket, watched) as engine, running_gateway(socket) as gateway:
        _, writer = await gateway.connect()
        writer.write(post(path, json.dumps(body | {"stream": True}).encode()))
        await until(lambda: engine.requests)
        writer.close()
        async with asyncio.timeout(60):
            await disconnected.wait()

        assert gateway.services.limiter.running == 0


async def test_a_client_that_reads_nothing_pauses_reading_from_the_engine(socket: Path) -> None:
    sent = 0

    async def flood(engine: ScriptedEngine, reader: Any, writer: Any) -> None:
        nonlocal sent
        await engine.read_request(reader)
        writer.write(HEAD)
        for _ in range(400):
            writer.write(chunked(CHUNK * 1000))
            await writer.drain()
            sent += 1

    async with ScriptedEngine(socket, flood), running_gateway(socket) as gateway:
        reader, writer = await gateway.connect()
        writer.write(post(CHAT_PATH, ENDLESS))
        await reader.readuntil(b"\n\n")
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.3)
        writer.transport.abort()

    assert sent < 400
