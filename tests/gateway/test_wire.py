"""The generation routes on the wire, in front of an engine that fails at chosen bytes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from fairlead_gateway.settings import ProcessSettings
from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION, GENERATIONS, RESPONSES_PATH, STREAM
from tests.gateway.scripted import CHUNK, HEAD, ScriptedEngine, answer, chunked, whole
from tests.gateway.wire import Gateway, running_gateway, until

ENGINE_400 = b'{"error":{"message":"no","type":"BadRequestError","param":"body.seed","code":400}}'
ENDLESS = json.dumps(CHAT | {"stream": True}).encode()


async def hang(engine: ScriptedEngine, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes a request and says nothing until the gateway closes the connection."""
    await engine.read_request(reader)
    await reader.read()


def streams(*parts: bytes) -> Any:
    """Sends these parts of a stream, then says nothing until the gateway closes the connection."""

    async def script(engine: ScriptedEngine, reader: Any, writer: Any) -> None:
        await engine.read_request(reader)
        writer.write(HEAD + b"".join(map(chunked, parts)))
        await reader.read()

    return script


async def raw(gateway: Gateway, *parts: bytes) -> bytes:
    """Everything that comes back on a connection of its own for these bytes."""
    reader, writer = await gateway.connect()
    for part in parts:
        writer.write(part)
        await writer.drain()
    async with asyncio.timeout(60):
        received = await reader.read()
    writer.close()
    return received


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_without_an_engine_the_client_is_told_to_retry(
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
        result = await gateway.call("POST", path, body | {"stream": stream})

    assert (result.status, result.error["param"]) == (400, "seed")


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_an_error_as_first_event_is_a_400_and_no_stream(
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
        await _sweep_until(gateway, call.done)

    assert ((await call).status, (await call).error["code"]) == (504, "engine_timeout")


async def test_an_engine_that_hangs_mid_stream_ends_the_stream_with_an_error(socket: Path) -> None:
    async with (
        ScriptedEngine(socket, streams(CHUNK)),
        running_gateway(socket, engineSilenceTimeoutSeconds=1) as gateway,
    ):
        call = asyncio.ensure_future(gateway.call("POST", CHAT_PATH, CHAT | {"stream": True}))
        await _sweep_until(gateway, call.done)

    body = (await call).body
    assert body.startswith(CHUNK)
    assert b'"code":"engine_timeout"' in body


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_a_stream_that_waits_is_opened_and_pinged(
    socket: Path, path: str, body: dict[str, Any]
) -> None:
    process = ProcessSettings(ping_seconds=0.05)
    async with ScriptedEngine(socket, hang), running_gateway(socket, process=process) as gateway:
        reader, writer = await gateway.connect()
        data = json.dumps(body | {"stream": True}).encode()
        writer.write(_request(path, data))
        received = b""

        async def read() -> None:
            nonlocal received
            while received.count(b": ping\n") < 2:
                received += await reader.read(1000)

        reading = asyncio.ensure_future(read())
        await _sweep_until(gateway, reading.done)
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
        writer.write(_request(CHAT_PATH, ENDLESS, "connection: close"))
        reading = asyncio.ensure_future(reader.readuntil(b": ping\n"))
        await _sweep_until(gateway, reading.done)
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
    assert names == {b"host", b"content-type", b"content-length"}


async def test_ignored_parameters_are_named_in_a_header(socket: Path) -> None:
    async with (
        ScriptedEngine(socket, answer(whole("200 OK", COMPLETION))) as engine,
        running_gateway(socket) as gateway,
    ):
        result = await gateway.call("POST", CHAT_PATH, CHAT | {"cache_salt": "x"})

    assert result.headers["x-fairlead-ignored-params"] == "cache_salt"
    assert json.loads(engine.requests[0]) == CHAT


async def test_an_ignored_name_cannot_add_a_header(socket: Path) -> None:
    async with (
        ScriptedEngine(socket, answer(whole("200 OK", COMPLETION))),
        running_gateway(socket) as gateway,
    ):
        result = await gateway.call("POST", CHAT_PATH, CHAT | {"a\r\nset-cookie: b": 1})

    assert result.status == 200
    assert "set-cookie" not in result.headers


async def test_an_answer_tells_the_pods_load(socket: Path) -> None:
    async with (
        ScriptedEngine(socket, answer(whole("200 OK", COMPLETION))),
        running_gateway(socket) as gateway,
    ):
        result = await gateway.call("POST", CHAT_PATH, CHAT)

    assert result.headers["x-fairlead-load"] == "running=1,waiting=0"


async def test_a_draining_gateway_still_serves_and_ends_the_connection(socket: Path) -> None:
    async with (
        ScriptedEngine(socket, answer(whole("200 OK", COMPLETION))),
        running_gateway(socket) as gateway,
    ):
        gateway.services.gate.draining = True
        received = await raw(gateway, _request(CHAT_PATH, json.dumps(CHAT).encode()))

    assert received.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" in received


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
@pytest.mark.parametrize("script", [hang, streams(CHUNK)], ids=["before-the-answer", "mid-stream"])
async def test_the_engine_is_told_when_the_client_left(
    socket: Path, path: str, body: dict[str, Any], script: Any
) -> None:
    told = asyncio.Event()

    async def watched(engine: ScriptedEngine, reader: Any, writer: Any) -> None:
        await script(engine, reader, writer)
        told.set()

    async with ScriptedEngine(socket, watched) as engine, running_gateway(socket) as gateway:
        _, writer = await gateway.connect()
        writer.write(_request(path, json.dumps(body | {"stream": True}).encode()))
        await until(lambda: engine.requests)
        writer.close()
        async with asyncio.timeout(60):
            await told.wait()

        assert gateway.services.gate.running == 0


async def test_a_client_that_reads_nothing_holds_the_engine_back(socket: Path) -> None:
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
        writer.write(_request(CHAT_PATH, ENDLESS))
        await reader.readuntil(b"\n\n")
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.3)
        writer.transport.abort()

    assert sent < 400


async def _sweep_until(gateway: Gateway, done: Any) -> None:
    """What `keep_house` does once a second, faster."""
    async with asyncio.timeout(60):
        while not done():
            gateway.services.sweep()
            await asyncio.sleep(0.02)


def _request(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: x", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def test_http_1_0_gets_its_stream_without_chunks(socket: Path) -> None:
    async with ScriptedEngine(socket, streams(STREAM)), running_gateway(socket) as gateway:
        head = f"POST {CHAT_PATH} HTTP/1.0\r\ncontent-length: {len(ENDLESS)}\r\n\r\n"
        received = await raw(gateway, head.encode() + ENDLESS)

    assert received.partition(b"\r\n\r\n")[2] == STREAM


async def test_a_client_that_asks_before_it_sends_is_told_to_go_on(socket: Path) -> None:
    async with (
        ScriptedEngine(socket, answer(whole("200 OK", COMPLETION))),
        running_gateway(socket) as gateway,
    ):
        body = json.dumps(CHAT).encode()
        reader, writer = await gateway.connect()
        writer.write(_request(CHAT_PATH, body, "expect: 100-continue", "connection: close")[: -len(body)])
        assert (await reader.readline()).startswith(b"HTTP/1.1 100")
        writer.write(body)
        received = await reader.read()
        writer.close()

    assert b"HTTP/1.1 200 OK" in received


async def test_a_body_in_chunks_is_a_body(socket: Path) -> None:
    async with (
        ScriptedEngine(socket, answer(whole("200 OK", COMPLETION))) as engine,
        running_gateway(socket) as gateway,
    ):
        body = json.dumps(CHAT).encode()
        head = (
            f"POST {CHAT_PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        parts = [chunked(body[:10]), chunked(body[10:]), b"0\r\n\r\n"]
        received = await raw(gateway, head.encode(), *parts)

    assert received.startswith(b"HTTP/1.1 200 OK")
    assert engine.requests == [body]


async def test_requests_in_one_go_are_answered_in_their_order(socket: Path) -> None:
    async def echo(engine: ScriptedEngine, reader: Any, writer: Any) -> None:
        while True:
            await engine.read_request(reader)
            seed = str(json.loads(engine.requests[-1])["seed"]).encode()
            writer.write(whole("200 OK", COMPLETION.replace(b"chatcmpl-1", b"id-" + seed)))

    bodies = [json.dumps(CHAT | {"seed": seed}).encode() for seed in (1, 2, 3)]
    pieces = [_request(CHAT_PATH, body) for body in bodies[:2]]
    pieces.insert(1, b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
    pieces.append(_request(CHAT_PATH, bodies[2], "connection: close"))
    async with ScriptedEngine(socket, echo), running_gateway(socket) as gateway:
        received = await raw(gateway, b"".join(pieces))

    order = [received.index(mark) for mark in (b'"id-1"', b'"object":"list"', b'"id-2"', b'"id-3"')]
    assert order == sorted(order)


async def test_an_offer_of_http_2_is_passed_over(socket: Path) -> None:
    async with (
        ScriptedEngine(socket, answer(whole("200 OK", COMPLETION))),
        running_gateway(socket) as gateway,
    ):
        offer = ("connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMAAABk")
        received = await raw(gateway, _request(CHAT_PATH, json.dumps(CHAT).encode(), *offer))

    assert received.startswith(b"HTTP/1.1 200 OK")


async def test_what_is_not_http_is_told_so_in_the_envelope(socket: Path) -> None:
    async with running_gateway(socket) as gateway:
        received = await raw(gateway, b"\x16\x03\x01 hello\r\n\r\n")

    assert received.startswith(b"HTTP/1.1 400")
    assert json.loads(received.partition(b"\r\n\r\n")[2])["error"]["code"] == "invalid_request"


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
async def test_a_body_above_the_limit_is_refused(socket: Path, declared: bool) -> None:
    async with running_gateway(socket, maxBodyBytes=1000) as gateway:
        framing = "content-length: 1500" if declared else "transfer-encoding: chunked"
        head = f"POST {CHAT_PATH} HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n".encode()
        body = b"x" * 1500 if declared else chunked(b"x" * 1500) + b"0\r\n\r\n"
        received = await raw(gateway, head, body)

    assert received.startswith(b"HTTP/1.1 413")
    assert b'"code":"request_too_large"' in received


async def test_a_client_that_goes_on_sending_too_much_is_cut_off(socket: Path) -> None:
    async with running_gateway(socket, maxBodyBytes=1000) as gateway:
        reader, writer = await gateway.connect()
        writer.write(f"POST {CHAT_PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        async with asyncio.timeout(60):
            with pytest.raises(ConnectionError):
                await _flood(writer)


async def _flood(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x" * 10_000)
        await writer.drain()
        await asyncio.sleep(0)


async def test_an_upload_that_stops_is_a_408(socket: Path) -> None:
    async with running_gateway(socket, process=ProcessSettings(upload_seconds=0.05)) as gateway:
        reader, writer = await gateway.connect()
        writer.write(_request(CHAT_PATH, b"{")[:-1] + b"")
        reading = asyncio.ensure_future(reader.readuntil(b"\r\n\r\n"))
        await _sweep_until(gateway, reading.done)
        writer.close()

    assert (await reading).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("path", [CHAT_PATH, RESPONSES_PATH])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b'{"model": NaN}',
        b'{"a":' * 2000 + b"1" + b"}" * 2000,
        b"[" * 100_000,
        b'"\\ud800"',
    ],
    ids=["empty", "array", "not-utf8", "nan", "deep", "deeper", "surrogate"],
)
async def test_what_is_no_json_object_is_a_400(socket: Path, path: str, body: bytes) -> None:
    async with running_gateway(socket) as gateway:
        result = await gateway.call("POST", path, body)

    assert (result.status, result.error["code"]) == (400, "invalid_json")
