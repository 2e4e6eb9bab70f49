"""What one client can make gateway and router hold, and for how long: both use the same HTTP layer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairlead_gateway.bounds import (
    MAX_EVENT_BYTES,
    MAX_FRAMING_BYTES,
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    MAX_PIPELINED,
    MAX_URL_BYTES,
    MAX_WHOLE_ANSWER_BYTES,
    STALLED_READER_SECONDS,
    UPLOAD_GRACE_SECONDS,
    UPLOAD_SECONDS,
)
from fairlead_gateway.settings import ProcessSettings
from tests.gateway.bodies import CHAT, CHAT_PATH, GENERATIONS
from tests.gateway.fronts import BODY, OK, both, code_of, exchange, fronts, status_of
from tests.gateway.scripted import HEAD, ScriptedEngine, answer, chunked, hang, streams
from tests.gateway.test_admission import APIKEY, KEYS
from tests.gateway.wire import Front, post, raw, running_gateway, sweep_until, until
from tests.router.wire import ScriptedPod
from tests.support.api_keys import bearer

POST = f"POST {CHAT_PATH} HTTP/1.1\r\nhost: x\r\n".encode()
SIZED = b"HTTP/1.1 %b\r\ncontent-length: 999999999\r\n\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"


def later(front: Front, seconds: float) -> None:
    """Lets time pass for everything that is under way."""
    clock = front.services.clock
    front.services.clock = lambda: clock() + seconds


async def pass_time(front: Front, until: asyncio.Future[bytes]) -> None:
    """Lets a second pass with each sweep until an answer is here."""

    def done() -> bool:
        later(front, 1)
        return until.done()

    await sweep_until(front, done)


# Heads


@both
@pytest.mark.parametrize("path", [CHAT_PATH, "/v1/models", "/anything"])
@pytest.mark.parametrize(
    ("lines", "status", "code"),
    [
        (b"a: b\r\n" * (MAX_HEADERS + 1), 431, "headers_too_large"),
        (b"a: " + b"b" * MAX_HEAD_BYTES + b"\r\n", 431, "headers_too_large"),
        (b"a: " + b"b" * 400 + b"\r\n" + (b"c: " + b"d" * 400 + b"\r\n") * 90, 431, "headers_too_large"),
    ],
    ids=["many", "one-large", "large-in-all"],
)
async def test_a_head_above_the_size_limit_is_refused(
    kind: str, socket: Path, path: str, lines: bytes, status: int, code: str
) -> None:
    async with fronts(kind, socket) as (front, engine):
        received = await exchange(front, f"GET {path} HTTP/1.1\r\nhost: x\r\n".encode() + lines + b"\r\n")

    assert (status_of(received), code_of(received)) == (status, code)
    assert engine.requests == []


@both
async def test_an_endless_head_is_not_buffered(kind: str, socket: Path) -> None:
    async with fronts(kind, socket) as (front, _):
        pieces = [POST + b"a: ", *[b"b" * 8192] * 100]
        received = await exchange(front, *pieces)

    assert status_of(received) == 431


@both
async def test_refused_headers_behind_a_stream_are_not_kept_in_memory(kind: str, socket: Path) -> None:
    def connections() -> list[Any]:
        return [item for item in front.services.active if hasattr(item, "headers")]

    async with fronts(kind, socket, hang) as (front, _):
        _, writer = await front.connect()
        writer.write(post(CHAT_PATH, BODY) + b"GET / HTTP/1.1\r\nhost: x\r\n" + b"aa: b\r\n" * 4000)
        await sweep_until(front, lambda: any(item._parting for item in connections()))
        kept = [len(item.headers) for item in connections()]
        writer.close()

    assert kept == [0]


@both
@pytest.mark.parametrize("step", [1000, 20_000])
async def test_too_many_headers_in_several_packets_are_a_431(kind: str, socket: Path, step: int) -> None:
    lines = b"a:\r\n" * 4000
    async with fronts(kind, socket) as (front, _):
        received = await exchange(front, POST, *(lines[at : at + step] for at in range(0, len(lines), step)))

    assert (status_of(received), code_of(received)) == (431, "headers_too_large")


@both
async def test_a_connection_is_not_closed_before_what_its_client_has_sent_is_read(
    kind: str, socket: Path
) -> None:
    """Otherwise a client of a busy process is reset, and does not see why."""
    async with fronts(kind, socket) as (front, _):
        _, writer = await front.connect()
        writer.write(POST + b"a:\r\n" * 4000)
        found: list[Any] = []

        def lingering() -> bool:
            found[:] = [item for item in front.services.active if getattr(item, "_linger_until", None)]
            return bool(found)

        await sweep_until(front, lingering)
        connection = found[0]
        connection.transport.pause_reading()
        writer.write(b"a:\r\n" * 1000)
        await until(connection._waiting_bytes)
        connection.tick(connection._linger_until + 1)
        kept = not connection.transport.is_closing()
        connection.transport.resume_reading()
        await until(lambda: not connection._waiting_bytes())
        connection.tick(connection._linger_until + 1)
        closed = connection.transport.is_closing()
        writer.close()

    assert kept
    assert closed


@both
async def test_a_url_above_the_size_limit_is_refused(kind: str, socket: Path) -> None:
    async with fronts(kind, socket) as (front, _):
        received = await exchange(front, b"GET /" + b"x" * MAX_URL_BYTES + b" HTTP/1.1\r\nhost: x\r\n\r\n")

    assert (status_of(received), code_of(received)) == (414, "uri_too_long")


@both
async def test_a_request_head_within_the_bounds_is_served(kind: str, socket: Path) -> None:
    lines = [f"a-{number}: {'b' * 300}" for number in range(MAX_HEADERS - 4)]
    async with fronts(kind, socket) as (front, _):
        received = await exchange(front, post(CHAT_PATH, BODY, *lines, "connection: close"))

    assert status_of(received) == 200


@both
async def test_a_head_that_takes_too_long_is_refused(kind: str, socket: Path) -> None:
    async with fronts(kind, socket) as (front, _):
        reader, writer = await front.connect()
        writer.write(POST)
        reading = asyncio.ensure_future(reader.read())
        await pass_time(front, reading)
        writer.close()

    assert status_of(await reading) == 408


@both
async def test_trailers_after_a_body_are_not_passed_on_as_headers(kind: str, socket: Path) -> None:
    async with fronts(kind, socket) as (front, engine):
        head = POST + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        trailers = b"0\r\nauthorization: Bearer stolen\r\nx-other: stolen\r\n\r\n"
        received = await raw(front, head, chunked(BODY), trailers)

    assert status_of(received) == 200
    if isinstance(engine, ScriptedPod):
        assert b"stolen" not in b"".join(engine.heads)


# Bodies


@both
@pytest.mark.parametrize(
    "framing",
    [
        chunked(b"ab") * MAX_FRAMING_BYTES,
        (b"2;" + b"e" * 64 + b"\r\nab\r\n") * MAX_FRAMING_BYTES,
        b"0\r\na: " + b"b" * 4 * MAX_FRAMING_BYTES,
        b"0\r\n" + b"a: b\r\n" * MAX_FRAMING_BYTES,
    ],
    ids=["small-chunks", "extensions", "endless-trailer", "many-trailers"],
)
async def test_oversized_chunk_framing_is_refused(kind: str, socket: Path, framing: bytes) -> None:
    pieces = [framing[at : at + 16_384] for at in range(0, len(framing), 16_384)]
    async with fronts(kind, socket) as (front, engine):
        received = await exchange(front, CHUNKED, *pieces)

    assert status_of(received) in (400, 431)
    assert engine.requests == []


@both
async def test_a_body_in_chunks_of_usual_size_is_served(kind: str, socket: Path) -> None:
    body = json.dumps(CHAT | {"user": "u" * 400_000}).encode()
    chunks = [chunked(body[at : at + 64]) for at in range(0, len(body), 64)]
    head = POST + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    async with fronts(kind, socket) as (front, engine):
        received = await exchange(front, head, *chunks, b"0\r\n\r\n")

    assert status_of(received) == 200
    assert engine.requests == [body]


@both
@pytest.mark.parametrize("seconds", [UPLOAD_GRACE_SECONDS + 1, UPLOAD_SECONDS + 1], ids=["slow", "long"])
async def test_an_upload_that_is_too_slow_or_too_long_is_refused(
    kind: str, socket: Path, seconds: float
) -> None:
    async with fronts(kind, socket) as (front, _):
        reader, writer = await front.connect()
        writer.write(POST + b"content-length: 10000\r\n\r\n" + b" " * 5000)
        await sweep_until(front, lambda: front.services.memory.used == 5000)
        later(front, seconds)
        reading = asyncio.ensure_future(reader.readuntil(b"\r\n\r\n"))
        writer.write(b" ")
        await sweep_until(front, lambda: front.services.memory.used == 5001 or reading.done())
        await sweep_until(front, reading.done)
        writer.close()

    assert status_of(await reading) == 408


@both
async def test_a_body_with_too_many_values_is_a_400(kind: str, socket: Path) -> None:
    bodies = [
        b'{"model": "tiny", "messages": [' + b"{}," * 200_001 + b"{}]}",
        b'{"model": "tiny", "model": "tiny", "messages": [' + b'"",' * 200_001 + b"{}]}",
    ]
    async with fronts(kind, socket, hang) as (front, engine):
        results = [await front.call("POST", CHAT_PATH, body) for body in bodies[kind == "router" :]]

    assert [(result.status, result.error["code"]) for result in results] == [(400, "invalid_json")] * len(
        results
    )
    assert engine.requests == []


@both
@pytest.mark.parametrize(("header", "status"), [("content-encoding: gzip", 415), ("authorization: a", 400)])
async def test_a_request_that_its_head_rules_out_is_refused_before_the_body(
    kind: str, socket: Path, header: str, status: int
) -> None:
    head = post(CHAT_PATH, BODY, "authorization: b", header, "expect: 100-continue")[: -len(BODY)]
    async with fronts(kind, socket) as (front, _):
        reader, writer = await front.connect()
        writer.write(head)
        received = await reader.readuntil(b"\r\n\r\n")
        writer.close()

    assert status_of(received) == status


@pytest.mark.parametrize("chunks", [True, False], ids=["chunked", "sized"])
async def test_the_body_after_an_http_2_upgrade_offer_belongs_to_the_request(
    socket: Path, chunks: bool
) -> None:
    offer = ("connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMAAABk")
    if chunks:
        head = POST + "\r\n".join([*offer, "transfer-encoding: chunked", "", ""]).encode()
        request = [head, chunked(BODY[:9]), chunked(BODY[9:]) + b"0\r\n\r\n"]
    else:
        request = [post(CHAT_PATH, BODY, *offer)]
    async with ScriptedEngine(socket, OK) as engine, running_gateway(socket) as gateway:
        received = await raw(gateway, *request)

    assert status_of(received) == 200
    assert engine.requests == [BODY]


# Connections


@both
async def test_a_connection_takes_a_bounded_number_of_requests_at_once(kind: str, socket: Path) -> None:
    async with fronts(kind, socket) as (front, _):
        received = await exchange(front, post(CHAT_PATH, b"[]") * 3 * MAX_PIPELINED)

    assert received.count(b"HTTP/1.1 400") == MAX_PIPELINED


@both
async def test_garbage_after_a_streaming_request_does_not_corrupt_its_stream(kind: str, socket: Path) -> None:
    chunk = b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n'
    script = answer(HEAD, chunked(chunk), chunked(b"data: [DONE]\n\n"), b"0\r\n\r\n")
    body = json.dumps(CHAT | {"stream": True}).encode()
    async with fronts(kind, socket, script) as (front, _):
        received = await exchange(front, post(CHAT_PATH, body) + b"nonsense\r\n\r\n")

    stream, _, rest = received.partition(b"0\r\n\r\n")
    assert stream.endswith(b"data: [DONE]\n\n\r\n")
    assert status_of(rest) == 400


@both
async def test_one_address_cannot_use_up_all_connections(kind: str, socket: Path) -> None:
    async with fronts(kind, socket) as (front, _):
        front.services.connections.total = 9
        held = [await front.connect() for _ in range(3)]
        await sweep_until(front, lambda: front.services.connections.used == 3)
        received = await exchange(front)
        for _, writer in held:
            writer.close()
        await sweep_until(front, lambda: front.services.connections.used == 0)
        served = await exchange(front, post(CHAT_PATH, BODY, "connection: close"))

    assert (status_of(received), code_of(received)) == (503, "too_many_connections")
    assert status_of(served) == 200


@both
async def test_a_client_that_reads_nothing_is_disconnected(kind: str, socket: Path) -> None:
    event = b'data: {"choices":[{"delta":{"content":"' + b"a" * 100_000 + b'"},"finish_reason":null}]}\n\n'
    body = json.dumps(CHAT | {"stream": True}).encode()
    async with fronts(kind, socket, streams(*[event] * 200)) as (front, _):
        reader, writer = await front.connect()
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(post(CHAT_PATH, body))
        stuck: Callable[[], Any] = lambda: any(  # noqa: E731 - a condition
            getattr(item, "flow", None) and item.flow.write_paused for item in front.services.active
        )
        await sweep_until(front, stuck)
        front.services.sweep()
        later(front, STALLED_READER_SECONDS + 1)
        await sweep_until(front, lambda: not front.services.active)
        writer.close()

    assert front.services.memory.used == 0


# The engine's answers


@pytest.mark.parametrize(
    ("script", "stream"),
    [
        (answer(SIZED % b"200 OK", b"x" * (MAX_WHOLE_ANSWER_BYTES + 1)), False),
        (answer(HEAD, chunked(b"data: " + b"x" * (MAX_EVENT_BYTES + 1))), True),
        (answer(SIZED % b"500 Oops", b"x" * (1 << 20)), False),
        (answer(b"HTTP/1.1 200 OK\r\na: " + b"x" * (1 << 20)), False),
        (answer(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), False),
    ],
    ids=["whole", "event", "error", "head", "interim"],
)
@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_an_engine_answer_above_the_size_limit_is_a_502(
    socket: Path, path: str, body: dict[str, Any], script: Any, stream: bool
) -> None:
    async with ScriptedEngine(socket, script), running_gateway(socket) as gateway:
        result = await gateway.call("POST", path, body | {"stream": stream})

        assert (result.status, result.error["code"]) == (502, "engine_error")
        assert gateway.services.memory.used == 0


async def test_an_event_that_grows_in_the_middle_of_a_stream_ends_it_with_an_error(socket: Path) -> None:
    chunk = b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}]}\n\n'
    script = answer(HEAD, chunked(chunk), chunked(b"data: " + b"x" * (MAX_EVENT_BYTES + 1)))
    async with ScriptedEngine(socket, script), running_gateway(socket) as gateway:
        result = await gateway.call("POST", CHAT_PATH, CHAT | {"stream": True})

    assert result.status == 200
    assert b'"code":"engine_error"' in result.body


# Memory that all share


async def test_one_key_cannot_use_up_the_memory_of_other_keys(socket: Path) -> None:
    process = ProcessSettings(max_body_bytes_in_flight=90_000)
    head = f"{POST.decode()}authorization: Bearer sk-alice\r\ncontent-length: 29000\r\n\r\n".encode()
    async with (
        ScriptedEngine(socket, OK),
        running_gateway(socket, KEYS, process=process, auth=APIKEY) as gateway,
    ):
        _, writer = await gateway.connect()
        writer.write(head + b"x" * 28_000)
        await sweep_until(gateway, lambda: gateway.services.memory.used >= 28_000)
        same = await gateway.call("POST", CHAT_PATH, CHAT | {"user": "u" * 9000}, bearer("sk-alice"))
        other = await gateway.call(
            "POST", CHAT_PATH, CHAT | {"model": "tiny", "user": "u" * 9000}, bearer("sk-carol")
        )
        writer.close()

    assert (same.status, same.error["code"]) == (503, "engine_unavailable")
    assert other.status == 200
