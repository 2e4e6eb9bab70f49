"""HTTP as clients and proxies really speak it, on the generation routes, and bodies that are none."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from fairlead_gateway.settings import ProcessSettings
from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION, RESPONSES_PATH, STREAM
from tests.gateway.fronts import BODY, both, code_of, fronts, status_of
from tests.gateway.scripted import HEAD, ScriptedEngine, answer, chunked, whole
from tests.gateway.wire import post, raw, running_gateway, sweep_until

ENDLESS = json.dumps(CHAT | {"stream": True}).encode()


def old_post(body: bytes, *headers: str) -> bytes:
    """A POST in HTTP/1.0."""
    lines = [f"POST {CHAT_PATH} HTTP/1.0", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@both
async def test_an_http_1_0_stream_has_no_chunked_encoding(kind: str, socket: Path) -> None:
    script = answer(HEAD, chunked(STREAM), b"0\r\n\r\n")
    async with fronts(kind, socket, script) as (front, _):
        received = await raw(front, old_post(ENDLESS))

    head, _, body = received.partition(b"\r\n\r\n")
    assert body == STREAM
    assert b"transfer-encoding" not in head


@both
async def test_an_http_1_0_client_gets_no_100_continue(kind: str, socket: Path) -> None:
    """RFC 9110, 10.1.1: the expectation is ignored."""
    async with fronts(kind, socket) as (front, engine):
        received = await raw(front, old_post(BODY, "expect: 100-continue"))

    assert status_of(received) == 200
    assert engine.requests == [BODY]


@both
@pytest.mark.parametrize("path", [CHAT_PATH, "/v1/models"])
async def test_an_http_1_0_connection_is_closed_with_a_connection_header(
    kind: str, socket: Path, path: str
) -> None:
    async with fronts(kind, socket) as (front, _):
        one = old_post(BODY, "connection: keep-alive")
        if path != CHAT_PATH:
            one = f"GET {path} HTTP/1.0\r\nconnection: keep-alive\r\n\r\n".encode()
        received = await raw(front, one)

    assert status_of(received) == 200
    assert b"\r\nconnection: close\r\n" in received


@both
async def test_an_unknown_expectation_is_ignored(kind: str, socket: Path) -> None:
    async with fronts(kind, socket) as (front, _):
        received = await raw(front, post(CHAT_PATH, BODY, "expect: a-miracle", "connection: close"))

    assert status_of(received) == 200


@both
@pytest.mark.parametrize(
    "codings", [("gzip",), ("identity, br",), ("gzip", "identity"), ("identity", "zstd")]
)
async def test_a_compressed_body_is_refused(kind: str, socket: Path, codings: tuple[str, ...]) -> None:
    headers = [f"content-encoding: {coding}" for coding in codings]
    async with fronts(kind, socket) as (front, engine):
        received = await raw(front, post(CHAT_PATH, BODY, *headers, "connection: close"))

    assert (status_of(received), code_of(received)) == (415, "unsupported_media_type")
    assert engine.requests == []


@both
async def test_a_body_with_identity_encoding_is_served(kind: str, socket: Path) -> None:
    async with fronts(kind, socket) as (front, _):
        received = await raw(front, post(CHAT_PATH, BODY, "content-encoding: identity", "connection: close"))

    assert status_of(received) == 200


@both
async def test_a_body_in_two_transfer_codings_is_refused(kind: str, socket: Path) -> None:
    head = f"POST {CHAT_PATH} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n".encode()
    async with fronts(kind, socket) as (front, engine):
        received = await raw(front, head, chunked(BODY), b"0\r\n\r\n")

    assert (status_of(received), code_of(received)) == (415, "unsupported_media_type")
    assert engine.requests == []


@both
@pytest.mark.parametrize("path", [CHAT_PATH, "/v1/models"])
@pytest.mark.parametrize("values", [("a", "b"), ("a", "a"), ("", "a"), ("a", "")])
async def test_several_authorization_headers_are_refused(
    kind: str, socket: Path, path: str, values: tuple[str, str]
) -> None:
    method = "POST" if path == CHAT_PATH else "GET"
    headers = [f"authorization: {value}" for value in values]
    sent = post(path, BODY, *headers, "connection: close").replace(b"POST", method.encode(), 1)
    async with fronts(kind, socket) as (front, engine):
        received = await raw(front, sent)

    assert (status_of(received), code_of(received)) == (400, "invalid_request")
    assert engine.requests == []


async def test_an_expect_100_continue_request_gets_a_100(socket: Path) -> None:
    async with (
        ScriptedEngine(socket, answer(whole("200 OK", COMPLETION))),
        running_gateway(socket) as gateway,
    ):
        body = json.dumps(CHAT).encode()
        reader, writer = await gateway.connect()
        writer.write(post(CHAT_PATH, body, "expect: 100-continue", "connection: close")[: -len(body)])
        assert (await reader.readline()).startswith(b"HTTP/1.1 100")
        writer.write(body)
        received = await reader.read()
        writer.close()

    assert b"HTTP/1.1 200 OK" in received


async def test_a_chunked_request_body_is_served(socket: Path) -> None:
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


async def test_pipelined_requests_are_answered_in_order(socket: Path) -> None:
    async def echo(engine: ScriptedEngine, reader: Any, writer: Any) -> None:
        while True:
            await engine.read_request(reader)
            seed = str(json.loads(engine.requests[-1])["seed"]).encode()
            writer.write(whole("200 OK", COMPLETION.replace(b"chatcmpl-1", b"id-" + seed)))

    bodies = [json.dumps(CHAT | {"seed": seed}).encode() for seed in (1, 2, 3)]
    pieces = [post(CHAT_PATH, body) for body in bodies[:2]]
    pieces.insert(1, b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
    pieces.append(post(CHAT_PATH, bodies[2], "connection: close"))
    async with ScriptedEngine(socket, echo), running_gateway(socket) as gateway:
        received = await raw(gateway, b"".join(pieces))

    order = [received.index(mark) for mark in (b'"id-1"', b'"object":"list"', b'"id-2"', b'"id-3"')]
    assert order == sorted(order)


async def test_an_http_2_upgrade_offer_is_ignored(socket: Path) -> None:
    async with (
        ScriptedEngine(socket, answer(whole("200 OK", COMPLETION))),
        running_gateway(socket) as gateway,
    ):
        offer = ("connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMAAABk")
        received = await raw(gateway, post(CHAT_PATH, json.dumps(CHAT).encode(), *offer))

    assert received.startswith(b"HTTP/1.1 200 OK")


async def test_bytes_that_are_not_http_get_a_400_in_the_error_envelope(socket: Path) -> None:
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


async def test_a_client_that_keeps_sending_an_oversized_body_is_disconnected(socket: Path) -> None:
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


async def test_a_stalled_upload_is_a_408(socket: Path) -> None:
    async with running_gateway(socket, process=ProcessSettings(upload_seconds=0.05)) as gateway:
        reader, writer = await gateway.connect()
        writer.write(post(CHAT_PATH, b"{")[:-1] + b"")
        reading = asyncio.ensure_future(reader.readuntil(b"\r\n\r\n"))
        await sweep_until(gateway, reading.done)
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
async def test_a_body_that_is_not_a_json_object_is_a_400(socket: Path, path: str, body: bytes) -> None:
    async with running_gateway(socket) as gateway:
        result = await gateway.call("POST", path, body)

    assert (result.status, result.error["code"]) == (400, "invalid_json")
