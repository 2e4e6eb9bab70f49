"""A pod's demand document: requests counted once, long polls ended immediately, counters of the engine."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from fairlead_gateway.admin import create_admin
from fairlead_gateway.bounds import MAX_COUNTED_ROUTERS
from fairlead_gateway.load_counters import LoadCounters, read_engine
from tests.gateway.asgi import call
from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION, GENERATIONS
from tests.gateway.process import GatewayProcess
from tests.gateway.scripted import ScriptedEngine, answer, hang, whole
from tests.gateway.wire import Gateway, post, raw, running_gateway, until
from tests.support.engine import Engine

OK = answer(whole("200 OK", COMPLETION))
ROUTER = "0123456789abcdef"
ROUTED = {"x-fairlead-router": ROUTER}
METRICS = b"""\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="tiny"} 3.0
vllm:num_requests_running{engine="1",model_name="tiny"} 1.0
vllm:num_requests_waiting{engine="0",model_name="tiny"} 2.0
vllm:num_requests_waiting{engine="1",model_name="tiny"} 0.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="tiny",reason="capacity"} 99.0
vllm:kv_cache_usage_perc{engine="0",model_name="tiny"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="tiny"} 0.5
vllm:num_preemptions_total{engine="0",model_name="tiny"} 4.0
vllm:prompt_tokens_total{engine="0",model_name="tiny"} 1000.0
vllm:prompt_tokens_cached_total{engine="0",model_name="tiny"} 600.0
vllm:generation_tokens_total{engine="0",model_name="tiny"} 700.0
vllm:generation_tokens_total{engine="1",model_name="tiny"} 50.0
vllm:iteration_tokens_total_bucket{engine="0",le="1.0",model_name="tiny"} 7.0
vllm:iteration_tokens_total_count{engine="0",model_name="tiny"} 90.0
vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="512",sliding_window="None"} 1.0
vllm:cache_config_info{block_size="16",engine="1",num_gpu_blocks="None",sliding_window="None"} 1.0
"""


async def demand(gateway: Gateway) -> dict[str, Any]:
    document: dict[str, Any] = (await call(create_admin(gateway.services), "GET", "/demand")).json()
    return document


def test_engine_metrics_are_summed_over_all_schedulers() -> None:
    figures = read_engine(METRICS, 8)
    assert figures is not None
    assert figures.model_dump() == {
        "running": 4,
        "waiting": 2,
        "kvUsage": 0.5,
        "steps": 90.0,
        "decodeTokens": 750.0,
        "promptTokens": 1000.0,
        "prefillTokens": 400.0,
        "preemptions": 4.0,
        "kvTokens": 8192,
        "maxRunning": 8,
    }


@pytest.mark.parametrize("lacking", ["kv_cache", "num_requests_running", "iteration_tokens", "generation"])
def test_engine_metrics_without_a_required_one_are_ignored(lacking: str) -> None:
    document = [line for line in METRICS.splitlines(keepends=True) if lacking.encode() not in line]
    assert read_engine(b"".join(document), None) is None


@pytest.mark.parametrize("metrics", [b"", b"\xff\xfe", b"vllm:kv_cache_usage_perc 0.5\n"])
def test_without_metrics_the_demand_has_no_engine(metrics: bytes) -> None:
    assert read_engine(metrics, None) is None


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-1", "1e30"])
@pytest.mark.parametrize(
    "name", ["num_requests_running", "kv_cache_usage_perc", "generation_tokens_total", "prompt_tokens_total"]
)
def test_engine_metrics_with_an_impossible_value_are_ignored(name: str, value: str) -> None:
    others = [line for line in METRICS.splitlines(keepends=True) if f"vllm:{name}{{".encode() not in line]
    impossible = f'vllm:{name}{{engine="0",model_name="tiny"}} {value}\n'.encode()
    assert read_engine(b"".join([*others, impossible]), None) is None


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_requests_through_a_router_are_counted_apart_from_direct_ones(
    socket: Path, path: str, body: dict[str, Any]
) -> None:
    async with ScriptedEngine(socket, OK), running_gateway(socket) as gateway:
        await gateway.call("POST", path, body)
        await gateway.call("POST", path, body, ROUTED)
        await gateway.call("POST", path, body, ROUTED)
        document = await demand(gateway)

    assert (document["arrivals"], document["completions"]) == (3, 3)
    assert document["direct"] == {"arrivals": 1, "completions": 1}
    assert document["routers"] == {ROUTER: {"arrivals": 2, "completions": 2}}


@pytest.mark.parametrize("name", ["stranger", "0123456789ABCDEF", "0" * 17, "\u00ff" * 16])
async def test_a_request_with_an_invalid_router_name_counts_as_direct(socket: Path, name: str) -> None:
    async with ScriptedEngine(socket, OK), running_gateway(socket) as gateway:
        head = f"x-fairlead-router: {name}".encode("latin-1").decode("latin-1")
        request = post(CHAT_PATH, json.dumps(CHAT).encode(), head, "connection: close")
        await raw(gateway, request)
        document = await demand(gateway)

    assert document["direct"] == {"arrivals": 1, "completions": 1}
    assert document["routers"] == {}


def test_the_number_of_counted_routers_is_bounded() -> None:
    counter = LoadCounters()
    for number in range(10_000):
        counter.arrived(b"%016x" % number)

    report = counter.report()
    assert len(report.routers) == MAX_COUNTED_ROUTERS
    assert report.direct.arrivals == 10_000 - MAX_COUNTED_ROUTERS


async def test_a_request_refused_by_the_engine_ends_but_is_not_a_completion(socket: Path) -> None:
    refusal = answer(whole("400 Bad Request", b'{"error": {"message": "no", "code": 400}}'))
    async with ScriptedEngine(socket, refusal), running_gateway(socket) as gateway:
        await gateway.call("POST", CHAT_PATH, CHAT)
        document = await demand(gateway)

    assert (document["arrivals"], document["completions"]) == (1, 0)
    assert document["lastCompletionAt"] is not None


async def test_a_request_for_an_unknown_model_is_not_counted_as_demand(socket: Path) -> None:
    async with running_gateway(socket) as gateway:
        await gateway.call("POST", CHAT_PATH, {"model": "other", "messages": []})
        document = await demand(gateway)

    assert (document["arrivals"], document["lastCompletionAt"], document["engine"]) == (0, None, None)


async def test_a_queued_request_raises_the_demand_cursor_and_ends_the_long_poll(socket: Path) -> None:
    async with ScriptedEngine(socket, hang), running_gateway(socket, maxRunningRequests=1) as gateway:
        counter = gateway.services.demand
        before = counter.cursor
        waits = asyncio.create_task(counter.wait_above(before, 60))
        first = asyncio.create_task(gateway.call("POST", CHAT_PATH, CHAT))
        await until(lambda: gateway.services.limiter.running == 1)
        assert not waits.done()
        second = asyncio.create_task(gateway.call("POST", CHAT_PATH, CHAT))
        async with asyncio.timeout(10):
            await waits
        document = await demand(gateway)
        first.cancel()
        second.cancel()

    assert (document["inFlight"], document["queued"], document["cursor"]) == (1, 1, before + 1)


async def test_a_long_poll_without_change_ends_after_its_timeout() -> None:
    counter = LoadCounters()
    async with asyncio.timeout(10):
        await counter.wait_above(0, 0.01)
    assert counter.cursor == 0


async def test_a_long_poll_with_a_cursor_of_a_former_process_returns_immediately() -> None:
    async with asyncio.timeout(10):
        await LoadCounters().wait_above(7, 60)


async def test_a_process_that_stops_ends_its_long_polls() -> None:
    counter = LoadCounters()
    waits = asyncio.create_task(counter.wait_above(0, 60))
    await asyncio.sleep(0)
    counter.end_polls()
    async with asyncio.timeout(10):
        await waits
        await counter.wait_above(0, 60)


def test_each_process_has_its_own_boot_id() -> None:
    assert LoadCounters().boot != LoadCounters().boot


@pytest.mark.engine
def test_the_metrics_of_a_real_engine_are_read(own_gateway: GatewayProcess, engine: Engine) -> None:
    def document() -> dict[str, Any]:
        status, body = own_gateway.admin("/demand")
        assert status == 200
        found: dict[str, Any] = json.loads(body)
        return found

    before = document()["engine"]
    with own_gateway.openai() as client:
        answer = client.chat.completions.create(
            model="tiny",
            messages=[{"role": "user", "content": "count to ten"}],
            max_tokens=20,
            extra_body={"ignore_eos": True},
        )
    after = document()
    assert answer.usage is not None
    assert after["engine"]["decodeTokens"] - before["decodeTokens"] == answer.usage.completion_tokens == 20
    assert after["engine"]["promptTokens"] - before["promptTokens"] == answer.usage.prompt_tokens
    assert 0 < after["engine"]["prefillTokens"] - before["prefillTokens"] <= answer.usage.prompt_tokens
    assert after["engine"]["steps"] > before["steps"]
    assert after["engine"]["kvTokens"] > 0
    assert (after["arrivals"], after["completions"]) == (1, 1)
