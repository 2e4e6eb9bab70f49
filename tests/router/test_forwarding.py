"""Requests to pods that are there: on the wire, unchanged, and away from pods that fail."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fairlead_gateway.router.balancing import concurrency_limit
from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION, GENERATIONS, STREAM
from tests.gateway.scripted import CHUNK, HEAD, ScriptedEngine, answer, chunked, hang, streams, whole
from tests.gateway.wire import running_gateway, until
from tests.router.objects import model, scaled
from tests.router.wire import ScriptedPod, running_router
from tests.support.control_plane import free_port

OK = answer(whole("200 OK", COMPLETION))
STREAMED = answer(HEAD, chunked(CHUNK), chunked(STREAM), b"0\r\n\r\n")
UNAVAILABLE = b'{"error":{"message":"no","type":"server_error","param":null,"code":"engine_unavailable"}}'

# Nothing that a pod could be preferred for: each request goes to any of the least loaded ones.
ANYWHERE = CHAT | {"messages": [{"role": "system", "content": "a"}]}
MANY = 24


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_a_request_is_forwarded_to_the_pod_unchanged(path: str, body: dict[str, Any]) -> None:
    async with ScriptedPod(OK) as pod, running_router() as router:
        router.ready(pod.port)
        sent = json.dumps(body, indent=3).encode()
        result = await router.call("POST", path, sent, {"authorization": "Bearer k", "x-user": "u"})

    assert (result.status, result.body) == (200, COMPLETION)
    assert pod.requests == [sent]
    head = pod.heads[0].decode().lower()
    assert head.startswith(f"post {path} http/1.1")
    assert "authorization: bearer k" in head
    assert "x-user: u" in head
    assert f"x-fairlead-router: {router.services.boot}" in head


async def test_a_stream_is_forwarded_byte_for_byte() -> None:
    async with ScriptedPod(STREAMED) as pod, running_router() as router:
        router.ready(pod.port)
        result = await router.call("POST", CHAT_PATH, CHAT | {"stream": True})

    assert result.body == CHUNK + STREAM
    assert result.headers["content-type"] == "text/event-stream"


async def test_each_part_of_a_stream_is_forwarded_immediately() -> None:
    async with ScriptedPod(streams(CHUNK)) as pod, running_router() as router:
        router.ready(pod.port)
        url = f"http://127.0.0.1:{router.port}{CHAT_PATH}"
        async with aiohttp.ClientSession() as session, session.post(url, json=CHAT | {"stream": True}) as got:
            # The pod sends nothing more and does not end.
            assert await got.content.readuntil(b"\n\n") == CHUNK


async def test_the_pods_headers_and_errors_are_passed_on() -> None:
    refused = UNAVAILABLE.replace(b"engine_unavailable", b"invalid_value")
    head = (
        b"HTTP/1.1 400 Bad Request\r\nx-fairlead-ignored-params: a\r\n"
        b"x-fairlead-load: 1/-\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    )
    async with ScriptedPod(answer(head % len(refused), refused)) as pod, running_router() as router:
        router.ready(pod.port)
        result = await router.call("POST", CHAT_PATH, CHAT)

    assert (result.status, result.body) == (400, refused)
    assert result.headers["x-fairlead-ignored-params"] == "a"
    assert "x-fairlead-load" not in result.headers


async def test_a_real_gateway_serves_through_the_router(socket: Path) -> None:
    async with (
        ScriptedEngine(socket, OK) as engine,
        running_gateway(socket) as gateway,
        running_router() as router,
    ):
        router.ready(gateway.port)
        result = await router.call("POST", CHAT_PATH, CHAT)
        refused = await router.call("POST", CHAT_PATH, CHAT | {"temperature": "hot"})

    assert (result.status, result.json()["object"]) == (200, "chat.completion")
    assert len(engine.requests) == 1
    assert refused.error["param"] == "temperature"


async def test_a_full_name_is_replaced_by_the_one_that_gateways_know() -> None:
    async with ScriptedPod(OK) as pod, running_router() as router:
        router.ready(pod.port)
        await router.call("POST", CHAT_PATH, CHAT | {"model": "team/tiny"})

    assert json.loads(pod.requests[0]) == CHAT


@pytest.mark.parametrize("script", [hang, streams(CHUNK)], ids=["before-the-answer", "mid-stream"])
async def test_the_pod_connection_closes_when_the_client_disconnects(script: Any) -> None:
    record_load = asyncio.Event()

    async def watched(pod: Any, reader: Any, writer: Any) -> None:
        await script(pod, reader, writer)
        record_load.set()

    async with ScriptedPod(watched) as pod, running_router() as router:
        router.ready(pod.port)
        calling = asyncio.create_task(router.call("POST", CHAT_PATH, CHAT | {"stream": True}))
        await until(lambda: pod.requests)
        calling.cancel()
        async with asyncio.timeout(60):
            await record_load.wait()
        await until(lambda: router.dispatcher.in_flight == 0)


async def test_a_pod_that_refuses_connections_is_skipped() -> None:
    async with ScriptedPod(OK) as pod, running_router() as router:
        router.ready(free_port(), pod.port)
        results = [await router.call("POST", CHAT_PATH, ANYWHERE) for _ in range(MANY)]

    assert [result.status for result in results] == [200] * MANY


@pytest.mark.parametrize("status", ["503 Service Unavailable", "502 Bad Gateway", "429 Too Many Requests"])
async def test_a_request_that_one_pod_cannot_serve_is_sent_to_another(status: str) -> None:
    failing = answer(whole(status, UNAVAILABLE))
    async with ScriptedPod(failing) as bad, ScriptedPod(OK) as good, running_router() as router:
        router.ready(bad.port, good.port)
        results = [await router.call("POST", CHAT_PATH, ANYWHERE) for _ in range(MANY)]

    assert [result.status for result in results] == [200] * MANY
    assert bad.requests


async def test_a_request_to_a_pod_that_dies_before_its_answer_goes_to_another() -> None:
    async with ScriptedPod(answer()) as bad, ScriptedPod(OK) as good, running_router() as router:
        router.ready(bad.port, good.port)
        results = [await router.call("POST", CHAT_PATH, ANYWHERE) for _ in range(MANY)]

    assert [result.status for result in results] == [200] * MANY
    assert 1 <= len(bad.requests) <= 4  # then it is left alone


async def test_the_error_of_the_only_pod_is_passed_on() -> None:
    async with ScriptedPod(answer(whole("503 X", UNAVAILABLE))) as pod, running_router() as router:
        router.ready(pod.port)
        result = await router.call("POST", CHAT_PATH, CHAT)

    assert (result.status, result.body) == (503, UNAVAILABLE)


async def test_a_broken_stream_is_not_ended_as_a_complete_one() -> None:
    async with ScriptedPod(answer(HEAD, chunked(CHUNK))) as pod, running_router() as router:
        router.ready(pod.port)
        with pytest.raises(aiohttp.ClientPayloadError):
            await router.call("POST", CHAT_PATH, CHAT | {"stream": True})


async def test_conversations_with_the_same_beginning_go_to_the_same_pod() -> None:
    async with ScriptedPod(OK) as one, ScriptedPod(OK) as two, running_router() as router:
        router.ready(one.port, two.port)
        for number in range(10):
            turns = [*CHAT["messages"], {"role": "assistant", "content": "x" * number}] * (number > 0)
            await router.call("POST", CHAT_PATH, CHAT | {"messages": [*CHAT["messages"], *turns[1:]]})

    assert sorted((len(one.requests), len(two.requests))) == [0, 10]


async def test_the_load_that_gateways_report_counts_for_balancing() -> None:
    busy = b"HTTP/1.1 200 OK\r\nx-fairlead-load: 40/-\r\ncontent-length: 2\r\n\r\n{}"
    async with ScriptedPod(answer(busy)) as one, ScriptedPod(OK) as two, running_router() as router:
        router.ready(one.port, two.port)
        for _ in range(MANY):
            await router.call("POST", CHAT_PATH, ANYWHERE)

    assert (len(one.requests), len(two.requests)) == (1, MANY - 1)


async def test_no_pod_gets_more_requests_than_its_concurrency_limit() -> None:
    bound = int(concurrency_limit(1))
    one_well = model(autoscaling=scaled(maxConcurrency=1))
    release = asyncio.Event()

    async def slow(pod: Any, reader: Any, writer: Any) -> None:
        await pod.read_request(reader)
        await release.wait()
        writer.write(whole("200 OK", COMPLETION))

    async with ScriptedPod(slow) as pod, running_router(one_well) as router:
        router.ready(pod.port)
        calls = [asyncio.create_task(router.call("POST", CHAT_PATH, CHAT)) for _ in range(bound + 2)]
        await until(lambda: len(router.dispatcher.queue) == 2 and len(pod.requests) == bound)
        release.set()
        results = await asyncio.gather(*calls)

    assert [result.status for result in results] == [200] * (bound + 2)
