"""Pods whose gateway is not ours: they can neither fill the router's memory nor break its framing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fairlead_gateway.bounds import (
    MAX_ANSWER_HEADERS,
    MAX_ERROR_BODY_BYTES,
    MAX_INTERIM_ANSWERS,
    WRONG_KEYS_BURST,
)
from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION
from tests.gateway.fronts import exchange
from tests.gateway.scripted import HEAD, answer, chunked, streams, whole
from tests.gateway.wire import post
from tests.router.objects import model
from tests.router.wire import KEY, ScriptedPod, running_router

OK = answer(whole("200 OK", COMPLETION))
SIZED = b"HTTP/1.1 %b\r\ncontent-length: 999999999\r\n\r\n"
EVIL = whole("200 OK", b'{"evil": true}')


async def endless(
    engine: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *parts: bytes
) -> None:
    """Answers the first part, then the second one for ever."""
    await engine.read_request(reader)
    writer.write(parts[0])
    try:
        while not writer.is_closing():
            writer.write(parts[1])
            await writer.drain()
    except ConnectionError:
        pass


def for_ever(first: bytes, then: bytes) -> Any:
    async def script(engine: Any, reader: Any, writer: Any) -> None:
        await endless(engine, reader, writer, first, then)

    return script


UNREADABLE = {
    "endless-503": for_ever(SIZED % b"503 Service Unavailable", b"x" * 65_536),
    "endless-chunked-429": for_ever(
        b"HTTP/1.1 429 Too Many\r\ntransfer-encoding: chunked\r\n\r\n", chunked(b"x" * 65_536)
    ),
    "endless-header": for_ever(b"HTTP/1.1 200 OK\r\na: ", b"b" * 65_536),
    "endless-headers": for_ever(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n" * 1000),
    "many-headers": answer(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * (MAX_ANSWER_HEADERS + 1) + b"\r\n"),
    "endless-interim": for_ever(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * (MAX_INTERIM_ANSWERS + 1)),
    "interim-with-body": answer(b"HTTP/1.1 103 Hints\r\ncontent-length: 2\r\n\r\n{}", EVIL),
    "switches-protocol": answer(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"),
    "status-99": answer(b"HTTP/1.1 099 Odd\r\ncontent-length: 0\r\n\r\n"),
    "status-600": answer(b"HTTP/1.1 600 Odd\r\ncontent-length: 0\r\n\r\n"),
    "status-2000": answer(b"HTTP/1.1 2000 Odd\r\ncontent-length: 0\r\n\r\n"),
    "redirect": answer(b"HTTP/1.1 307 Go\r\nlocation: http://elsewhere/\r\ncontent-length: 0\r\n\r\n"),
    "no-content": answer(b"HTTP/1.1 204 No Content\r\n\r\n", EVIL),
    "not-modified": answer(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"),
    "two-lengths": answer(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"),
    "length-and-chunks": answer(
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    ),
    "no-http": answer(b"SSH-2.0-OpenSSH_9.2\r\n"),
}  # fmt: skip


@pytest.mark.parametrize("script", UNREADABLE.values(), ids=UNREADABLE)
async def test_an_answer_that_no_gateway_would_give_is_a_502(script: Any) -> None:
    async with ScriptedPod(script) as pod, running_router() as router:
        router.ready(pod.port)
        result = await router.call("POST", CHAT_PATH, CHAT)

        assert (result.status, result.error["code"]) == (502, "engine_error")
        assert router.services.memory.used == 0


@pytest.mark.parametrize("script", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_request_that_a_hostile_pod_got_is_served_by_another_pod(script: Any) -> None:
    async with ScriptedPod(script) as hostile, ScriptedPod(OK) as good, running_router() as router:
        router.ready(hostile.port, good.port)
        results = [await router.call("POST", CHAT_PATH, CHAT) for _ in range(4)]

    assert [result.body for result in results] == [COMPLETION] * 4


async def test_a_second_answer_in_one_packet_is_discarded() -> None:
    async with ScriptedPod(answer(whole("200 OK", COMPLETION) + EVIL)) as pod, running_router() as router:
        router.ready(pod.port)
        body = b'{"model": "tiny", "messages": []}'
        received = await exchange(router, post(CHAT_PATH, body), post(CHAT_PATH, body, "connection: close"))
        first, second = [await router.call("POST", CHAT_PATH, CHAT) for _ in range(2)]

    assert b"evil" not in received
    assert (first.body, second.body) == (COMPLETION, COMPLETION)


async def test_bytes_on_an_idle_connection_are_discarded() -> None:
    pushed = asyncio.Event()

    async def script(engine: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await engine.read_request(reader)
        writer.write(whole("200 OK", COMPLETION))
        await writer.drain()
        if not pushed.is_set():
            writer.write(EVIL)
            await writer.drain()
            pushed.set()
        await reader.read()

    async with ScriptedPod(script) as pod, running_router() as router:
        router.ready(pod.port)
        first = await router.call("POST", CHAT_PATH, CHAT)
        async with asyncio.timeout(60):
            await pushed.wait()
        second = await router.call("POST", CHAT_PATH, CHAT)

    assert (first.body, second.body) == (COMPLETION, COMPLETION)


@pytest.mark.parametrize("load", ["9" * 5000, "-1/2", "1e9/1", "/", "\u00b2/3"])
async def test_a_load_header_that_is_not_a_number_is_ignored(load: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nx-fairlead-load: " + load.encode("latin-1")
    script = answer(head + b"\r\ncontent-length: %d\r\n\r\n" % len(COMPLETION) + COMPLETION)
    async with ScriptedPod(script) as pod, running_router() as router:
        router.ready(pod.port)
        result = await router.call("POST", CHAT_PATH, CHAT)
        (known,) = router.dispatcher.pods.values()

        assert result.status == 200
        assert known.load == 0


async def test_trailers_of_an_answer_are_not_treated_as_headers() -> None:
    script = answer(HEAD, chunked(b"data: [DONE]\n\n"), b"0\r\nset-cookie: evil\r\n\r\n")
    async with ScriptedPod(script) as pod, running_router() as router:
        router.ready(pod.port)
        result = await router.call("POST", CHAT_PATH, CHAT | {"stream": True})

    assert "set-cookie" not in result.headers
    assert result.body == b"data: [DONE]\n\n"


async def test_an_error_after_a_ping_has_a_size_limit() -> None:
    script = for_ever(SIZED % b"400 Bad Request", b"x" * MAX_ERROR_BODY_BYTES)
    async with running_router(ping_seconds=0) as router, ScriptedPod(script) as pod:
        call = asyncio.create_task(router.call("POST", CHAT_PATH, CHAT | {"stream": True}))
        await router.sweep_until(
            lambda: KEY in router.services.model_registry.dispatchers and len(router.dispatcher.queue)
        )
        router.services.sweep()
        router.ready(pod.port)
        result = await call

    assert b'"code":"engine_error"' in result.body


async def test_requests_held_for_one_model_leave_room_for_others() -> None:
    body = CHAT | {"user": "u" * 2000}
    async with (
        ScriptedPod(OK) as pod,
        running_router(model(), model("other"), max_body_bytes_in_flight=9000) as router,
    ):
        router.ready(pod.port, name="other")
        held = asyncio.create_task(router.call("POST", CHAT_PATH, body))
        await router.sweep_until(lambda: len(router.dispatcher.queue))
        refused = await router.call("POST", CHAT_PATH, body)
        other = await router.call("POST", CHAT_PATH, {**CHAT, "model": "other"})
        held.cancel()
        await router.sweep_until(lambda: not router.services.memory.used)

    assert refused.status in (429, 503)
    assert other.status == 200
    assert router.services.held_bytes.used == 0


async def test_a_models_body_size_limit_applies_in_the_router() -> None:
    small = model(api={"maxBodyBytes": 2000})
    async with running_router(small, model("large", api={"maxBodyBytes": 1 << 30})) as router:
        result = await router.call("POST", CHAT_PATH, CHAT | {"user": "u" * 2000})
        bound = router.services.max_body_bytes

    assert (result.status, result.error["code"]) == (413, "request_too_large")
    assert bound == 64 << 20


async def test_wrong_keys_are_counted_by_model_and_a_known_key_is_served() -> None:
    async def check(engine: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await engine.read_request(reader)
            valid = b"Bearer right" in engine.heads[-1]
            writer.write(whole("200 OK", COMPLETION) if valid else whole("401 Unauthorized", b"{}"))

    keyed = model(api={"auth": {"mode": "APIKey", "secretName": "keys"}})
    async with ScriptedPod(check) as pod, running_router(keyed, model("open")) as router:
        router.ready(pod.port)
        router.ready(pod.port, name="open")

        async def ask(key: str, name: str = "tiny") -> int:
            body, headers = CHAT | {"model": name}, {"authorization": f"Bearer {key}"}
            return (await router.call("POST", CHAT_PATH, body, headers)).status

        assert await ask("right") == 200
        assert [await ask(str(n)) for n in range(WRONG_KEYS_BURST)] == [401] * WRONG_KEYS_BURST
        assert await ask("one more") == 429
        assert await ask("right") == 200
        assert await ask("anything", "open") == 401


@pytest.mark.parametrize("parts", [(b"x",), (b"", b"x" * 5)])
async def test_a_stream_that_never_ends_ends_with_its_client(parts: tuple[bytes, ...]) -> None:
    async with ScriptedPod(streams(*parts)) as pod, running_router() as router:
        router.ready(pod.port)
        reader, writer = await router.connect()
        writer.write(post(CHAT_PATH, b'{"model": "tiny", "stream": true}'))
        await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await router.sweep_until(lambda: not router.dispatcher.in_flight)

    assert router.services.memory.used == 0
