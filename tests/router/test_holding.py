"""Requests for a model without a pod: they wait within bounds, and the nearest deadline is served first."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION, GENERATIONS, RESPONSES_PATH, STREAM
from tests.gateway.scripted import CHUNK, HEAD, answer, chunked, whole
from tests.gateway.wire import post, until
from tests.router.objects import model, scaled
from tests.router.wire import Router, ScriptedPod, running_router

OK = answer(whole("200 OK", COMPLETION))
STREAMED = answer(HEAD, chunked(CHUNK), chunked(STREAM), b"0\r\n\r\n")
AT_ZERO = model(autoscaling=scaled(), replicas=0)


def bounded(**bounds: Any) -> dict[str, Any]:
    return model(autoscaling=scaled(scaleFromZero=bounds))


def start(
    router: Router, body: dict[str, Any] = CHAT, headers: dict[str, str] | None = None
) -> asyncio.Task[Any]:
    return asyncio.create_task(router.call("POST", CHAT_PATH, body, headers))


async def pinged(router: Router, path: str, body: dict[str, Any]) -> tuple[bytes, Any, Any]:
    """A stream that has got a first sign of life: what came until then, and its connection."""
    reader, writer = await router.connect()
    writer.write(post(path, json.dumps(body | {"stream": True}).encode(), "connection: close"))
    beginning = asyncio.ensure_future(reader.readuntil(b": ping\n"))
    await router.sweep_until(beginning.done)
    return await beginning, reader, writer


async def test_a_request_is_held_until_the_first_pod_is_ready() -> None:
    async with ScriptedPod(OK) as pod, running_router(AT_ZERO) as router:
        calls = [start(router) for _ in range(3)]
        await until(lambda: len(router.dispatcher.queue) == 3)
        router.ready(pod.port)
        results = await asyncio.gather(*calls)

    assert [result.status for result in results] == [200] * 3


async def test_the_held_request_with_the_nearest_deadline_is_served_first() -> None:
    one_by_one = model(autoscaling=scaled(maxConcurrency=1))
    async with ScriptedPod(OK) as pod, running_router(one_by_one) as router:
        calls = []
        for number, seconds in enumerate((500, 100, 300)):
            body = CHAT | {"seed": number}
            calls.append(start(router, body, {"x-fairlead-hold-seconds": str(seconds)}))
            await until(lambda: len(router.dispatcher.queue) == len(calls))
        router.ready(pod.port)
        # Two at once: a pod gets somewhat more than what it does well.
        await asyncio.gather(*calls)

    assert [json.loads(body)["seed"] for body in pod.requests][-1] == 0


async def test_a_request_beyond_the_hold_limit_is_refused_with_retry_after() -> None:
    status = {"autoscaling": {"expectedReadySeconds": 90}}
    full = bounded(maxQueuedRequests=1) | {"status": status}
    async with running_router(full) as router:
        waiting = start(router)
        await until(lambda: len(router.dispatcher.queue) == 1)
        result = await router.call("POST", CHAT_PATH, CHAT)
        waiting.cancel()

    assert (result.status, result.error["code"]) == (429, "rate_limit_exceeded")
    assert 80 <= int(result.headers["retry-after"]) <= 90


async def test_retry_after_of_a_long_start_stays_within_what_clients_accept() -> None:
    status = {"autoscaling": {"expectedReadySeconds": 700}}
    async with running_router(bounded(maxQueuedRequests=0) | {"status": status}) as router:
        result = await router.call("POST", CHAT_PATH, CHAT)

    assert result.headers["retry-after"] == "120"
    assert result.headers["x-expected-ready-seconds"] == "700"


async def test_the_bytes_of_held_requests_are_bounded() -> None:
    async with running_router(bounded(maxQueuedBytes=200)) as router:
        waiting = start(router)
        await until(lambda: len(router.dispatcher.queue) == 1)
        large = CHAT | {"messages": [{"role": "user", "content": "x" * 300}]}
        result = await router.call("POST", CHAT_PATH, large)
        waiting.cancel()

    assert result.status == 429


async def test_a_request_whose_hold_times_out_is_a_503_with_the_reason() -> None:
    ready = {
        "type": "Ready",
        "status": "False",
        "reason": "InsufficientCapacity",
        "message": "no GPU is free",
    }
    document = bounded(holdTimeoutSeconds=1) | {"status": {"conditions": [ready]}}
    async with running_router(document) as router:
        call = start(router)
        await router.sweep_until(call.done)

    assert (call.result().status, call.result().error["code"]) == (503, "model_unavailable")
    assert "no GPU is free" in call.result().error["message"]
    assert int(call.result().headers["retry-after"]) >= 1


async def test_a_client_can_set_its_hold_timeout() -> None:
    async with running_router(AT_ZERO) as router:
        call = start(router, headers={"x-fairlead-hold-seconds": "0"})
        await router.sweep_until(call.done)

    assert call.result().status == 503


async def test_a_held_request_ends_when_its_client_disconnects() -> None:
    async with running_router(AT_ZERO) as router:
        call = start(router)
        await until(lambda: len(router.dispatcher.queue) == 1)
        call.cancel()
        await until(lambda: len(router.dispatcher.queue) == 0)
        assert router.dispatcher.queue.bytes == 0


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_a_held_streaming_request_gets_keepalive_comments(path: str, body: dict[str, Any]) -> None:
    async with ScriptedPod(STREAMED) as pod, running_router(AT_ZERO, ping_seconds=0.01) as router:
        beginning, reader, writer = await pinged(router, path, body)
        router.ready(pod.port)
        rest = await reader.read()
        writer.close()

    assert beginning.startswith(b"HTTP/1.1 200 OK")
    assert b"text/event-stream" in beginning
    assert b"HTTP/1.1" not in rest
    assert CHUNK + STREAM in rest
    assert rest.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("headers", [{}, {"x-fairlead-ping": "off"}])
async def test_a_request_without_streaming_or_keepalives_gets_its_status_code(
    headers: dict[str, str],
) -> None:
    body = CHAT | {"stream": bool(headers)}
    refused = b'{"error":{"message":"no","type":"x","param":null,"code":"invalid_value"}}'
    async with (
        ScriptedPod(answer(whole("400 Bad Request", refused))) as pod,
        running_router(AT_ZERO, ping_seconds=0) as router,
    ):
        call = start(router, body, headers)
        await until(lambda: len(router.dispatcher.queue) == 1)
        router.services.sweep()
        router.ready(pod.port)
        assert (await call).status == 400


@pytest.mark.parametrize("path", [CHAT_PATH, RESPONSES_PATH])
async def test_an_error_after_a_keepalive_is_an_event_on_which_clients_raise(path: str) -> None:
    body = dict(GENERATIONS)[path] | {"stream": True}
    async with running_router(bounded(holdTimeoutSeconds=1), ping_seconds=0.01) as router:
        call = asyncio.create_task(router.call("POST", path, body))
        await router.sweep_until(call.done)
    received = call.result().body

    assert call.result().status == 200
    assert b'"model_unavailable"' in received
    assert (b"response.failed" in received) == (path == RESPONSES_PATH)


async def test_an_error_of_the_pod_after_a_keepalive_is_an_event() -> None:
    refused = b'{"error":{"message":"too hot","type":"x","param":"temperature","code":"invalid_value"}}'
    async with (
        ScriptedPod(answer(whole("400 Bad Request", refused))) as pod,
        running_router(AT_ZERO, ping_seconds=0.01) as router,
    ):
        _, reader, writer = await pinged(router, CHAT_PATH, CHAT)
        router.ready(pod.port)
        received = await reader.read()
        writer.close()

    assert b'data: {"error":{"message":"too hot"' in received


@pytest.mark.parametrize(
    ("body", "code"),
    [(b'{"model":"tiny",', "invalid_json"), (b'{"messages":[]}', "missing_required_parameter")],
)
async def test_a_request_that_every_pod_would_refuse_is_not_held(body: bytes, code: str) -> None:
    async with running_router(AT_ZERO) as router:
        result = await router.call("POST", CHAT_PATH, body)

        assert (result.status, result.error["code"]) == (400, code)
        assert router.services.model_registry.rise.cursor == 0


async def test_a_model_with_api_keys_is_not_started_for_a_request_without_one() -> None:
    auth = {"mode": "APIKey", "secretName": "keys"}
    async with (
        ScriptedPod(OK) as pod,
        running_router(model(autoscaling=scaled(), api={"auth": auth})) as router,
    ):
        result = await router.call("POST", CHAT_PATH, CHAT)
        assert (result.status, result.error["code"]) == (401, "invalid_api_key")
        assert result.headers["www-authenticate"] == "Bearer"
        assert router.services.model_registry.rise.cursor == 0
        assert router.dispatcher.arrivals == 0, "it is no demand"

        waiting = start(router, headers={"authorization": "Bearer some-key"})
        await until(lambda: len(router.dispatcher.queue) == 1)
        router.ready(pod.port)
        assert (await waiting).status == 200


async def test_a_request_for_a_model_that_nothing_starts_is_refused_immediately() -> None:
    async with running_router(model(replicas=0)) as router:
        result = await router.call("POST", CHAT_PATH, CHAT)

    assert result.status == 503
    assert "stopped" in result.error["message"]
    assert result.headers["x-should-retry"] == "false"


async def test_requests_are_held_until_the_models_are_known() -> None:
    async with ScriptedPod(OK) as pod, running_router(synced=False) as router:
        call = start(router)
        listing = await router.call("GET", "/v1/models")
        await until(lambda: router.services.model_registry.waiting())
        router.know(AT_ZERO)
        router.ready(pod.port)
        router.services.model_registry.listed()
        result = await call

    assert (listing.status, result.status) == (503, 200)


async def test_requests_before_the_models_are_known_time_out_with_a_503() -> None:
    async with running_router(synced=False, sync_seconds=0.01) as router:
        call = start(router)
        await router.sweep_until(call.done)

    assert (call.result().status, call.result().error["code"]) == (503, "router_unavailable")


async def test_a_request_to_an_unreachable_pod_is_held_for_another() -> None:
    async with ScriptedPod(OK) as pod, running_router(AT_ZERO) as router:
        router.ready(1)  # no process listens there
        call = start(router)
        await until(lambda: len(router.dispatcher.queue) == 1)
        router.ready(pod.port)
        assert (await call).status == 200


async def test_a_held_request_whose_model_is_deleted_is_a_404() -> None:
    async with running_router(AT_ZERO) as router:
        call = start(router)
        await until(lambda: len(router.dispatcher.queue) == 1)
        router.know()
        assert ((await call).status, (await call).error["code"]) == (404, "model_not_found")


async def test_held_requests_of_a_terminating_router_are_sent_to_another() -> None:
    async with running_router(AT_ZERO) as router:
        calls = [start(router), start(router, CHAT | {"stream": True})]
        await until(lambda: len(router.dispatcher.queue) == 2)
        router.services.dismiss()
        results = await asyncio.gather(*calls)

    assert [(result.status, result.headers["retry-after"]) for result in results] == [(503, "1")] * 2
