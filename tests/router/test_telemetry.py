"""The router's metrics: how requests end, whose they are, and what goes with a deleted model."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION, GENERATIONS, STREAM
from tests.gateway.scripted import CHUNK, HEAD, ScriptedEngine, answer, chunked, streams, whole
from tests.gateway.wire import post, running_gateway, until
from tests.router.objects import model, scaled
from tests.router.wire import Router, ScriptedPod, running_router
from tests.support.metric_tables import documented, served
from tests.support.metrics import samples, total

TINY = {"namespace": "team", "model": "tiny"}
STREAMED = CHAT | {"stream": True}
OK = answer(whole("200 OK", COMPLETION))
WHOLE_STREAM = answer(HEAD, chunked(STREAM), b"0\r\n\r\n")
ERROR_EVENT = b'data: {"error":{"message":"m","type":"server_error","param":null,"code":"engine_error"}}\n\n'


def page(router: Router) -> bytes:
    """The router's metrics."""
    rendered: bytes = router.services.telemetry.render()
    return rendered


def requests(router: Router, status: int, **labels: str) -> float:
    """How many requests of a model ended with this status."""
    return total(page(router), "fairlead_router_requests_total", status=str(status), **(labels or TINY))


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_a_stream_whose_engine_breaks_counts_alike_in_router_and_gateway(
    socket: Path, path: str, body: dict[str, Any]
) -> None:
    async with (
        ScriptedEngine(socket, answer(HEAD, chunked(CHUNK))),
        running_gateway(socket) as gateway,
        running_router() as router,
    ):
        router.ready(gateway.port)
        result = await router.call("POST", path, body | {"stream": True})
        completions = router.dispatcher.completions

    assert result.status == 200
    assert b"engine_error" in result.body
    in_gateway = gateway.services.telemetry.render()
    assert total(in_gateway, "fairlead_gateway_requests_total", status="502") == 1
    assert (requests(router, 502), requests(router, 200), completions) == (1, 0, 0)


async def test_the_next_request_on_the_same_connection_is_not_taken_for_broken(socket: Path) -> None:
    scripts = answer(HEAD, chunked(CHUNK)), WHOLE_STREAM
    async with (
        ScriptedEngine(socket, *scripts),
        running_gateway(socket) as gateway,
        running_router() as router,
    ):
        router.ready(gateway.port)
        for _ in scripts:
            await router.call("POST", CHAT_PATH, STREAMED)

    assert (requests(router, 502), requests(router, 200)) == (1, 1)


async def test_a_client_does_not_get_the_trailer_that_routers_get(socket: Path) -> None:
    request = post(CHAT_PATH, json.dumps(STREAMED).encode(), "connection: close")
    async with (
        ScriptedEngine(socket, answer(HEAD, chunked(CHUNK))),
        running_gateway(socket) as gateway,
        running_router() as router,
    ):
        router.ready(gateway.port)
        answers = []
        for front in (router, gateway):
            reader, writer = await front.connect()
            writer.write(request)
            answers.append(await reader.read())
            writer.close()

    assert all(text.endswith(b"\r\n0\r\n\r\n") and b"stream-status" not in text for text in answers)


async def test_a_pod_that_dies_in_its_stream_counts_as_502() -> None:
    async with ScriptedPod(answer(HEAD, chunked(CHUNK))) as pod, running_router() as router:
        router.ready(pod.port)
        with pytest.raises(aiohttp.ClientPayloadError):
            await router.call("POST", CHAT_PATH, STREAMED)

    assert (requests(router, 502), requests(router, 200)) == (1, 0)


async def test_a_client_that_leaves_its_stream_counts_as_499() -> None:
    async with ScriptedPod(streams(CHUNK)) as pod, running_router() as router:
        router.ready(pod.port)
        reader, writer = await router.connect()
        writer.write(post(CHAT_PATH, json.dumps(STREAMED).encode()))
        await reader.readuntil(CHUNK)
        writer.close()
        await until(lambda: requests(router, 499))

    assert requests(router, 200) == 0


async def test_a_held_stream_that_the_router_opened_counts_as_502_when_it_fails() -> None:
    async with running_router(model(autoscaling=scaled()), ping_seconds=0) as router:
        call = asyncio.create_task(router.call("POST", CHAT_PATH, STREAMED))
        await until(lambda: len(router.dispatcher.queue))
        router.services.sweep()
        router.services.dismiss()
        result = await call

    assert result.status == 200
    assert b"router_unavailable" in result.body
    assert (requests(router, 502), requests(router, 200)) == (1, 0)


async def test_the_time_to_the_first_token_contains_the_wait_for_a_pod() -> None:
    now = 1000.0
    async with (
        ScriptedPod(answer(HEAD, chunked(b": ping\n"), chunked(STREAM), b"0\r\n\r\n")) as pod,
        running_router(model(autoscaling=scaled())) as router,
    ):
        router.services.clock = lambda: now
        call = asyncio.create_task(router.call("POST", CHAT_PATH, STREAMED))
        await until(lambda: len(router.dispatcher.queue))
        now += 25
        router.ready(pod.port)
        await call

    assert total(page(router), "fairlead_router_time_to_first_token_seconds_count", **TINY) == 1
    assert total(page(router), "fairlead_router_time_to_first_token_seconds_sum", **TINY) == 25


@pytest.mark.parametrize(
    "script", [OK, answer(HEAD, chunked(b": ping\n"), b"0\r\n\r\n")], ids=["no-stream", "only-a-ping"]
)
async def test_an_answer_without_an_event_has_no_first_token(script: Any) -> None:
    async with ScriptedPod(script) as pod, running_router() as router:
        router.ready(pod.port)
        await router.call("POST", CHAT_PATH, CHAT)

    assert requests(router, 200) == 1
    assert total(page(router), "fairlead_router_time_to_first_token_seconds_count") == 0


async def test_a_request_of_no_model_has_empty_labels_and_its_endpoint() -> None:
    async with running_router() as router:
        await router.call("POST", CHAT_PATH, CHAT | {"model": "none"})

    no_model = {"namespace": "", "model": ""}
    assert requests(router, 404, **no_model) == 1
    rejects = total(
        page(router), "fairlead_router_rejects_total", endpoint="chat", code="model_not_found", **no_model
    )
    assert rejects == 1


async def test_a_deleted_model_leaves_no_series() -> None:
    async with ScriptedPod(WHOLE_STREAM) as pod, running_router(model(), model("other")) as router:
        router.ready(pod.port)
        for body in (STREAMED, STREAMED | {"model": "none"}):
            await router.call("POST", CHAT_PATH, body)
        before = {sample.name for sample in samples(page(router)) if sample.labels.get("model") == "tiny"}
        router.know(model("other"))
        after = [sample for sample in samples(page(router)) if sample.labels.get("model") == "tiny"]

    assert "fairlead_router_requests_total" in before
    assert after == []
    assert requests(router, 404, namespace="", model="") == 1
    assert total(page(router), "fairlead_router_pods", model="other", state="used") == 0


async def test_the_documentation_has_exactly_the_metrics_of_the_page() -> None:
    async with (
        ScriptedPod(answer()) as bad,
        ScriptedPod(WHOLE_STREAM) as good,
        running_router(model(autoscaling=scaled())) as router,
    ):
        held = asyncio.create_task(router.call("POST", CHAT_PATH, STREAMED))
        await until(lambda: len(router.dispatcher.queue))
        router.ready(bad.port, good.port)
        await held
        while not total(page(router), "fairlead_router_retries_total"):
            await router.call(
                "POST", CHAT_PATH, STREAMED | {"messages": [{"role": "system", "content": "a"}]}
            )
        await router.call("POST", CHAT_PATH, CHAT | {"model": "none"})

    assert served(page(router), "") == documented("Router")
