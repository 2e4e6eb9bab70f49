"""What a pod tells the autoscaler: requests counted once, waiters woken at once, an engine's own counters."""

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
    told: dict[str, Any] = (await call(create_admin(gateway.services), "GET", "/demand")).json()
    return told


def test_the_engine_is_read_from_its_own_metrics_over_all_its_schedulers() -> None:
    assert read_engine(METRICS, 8) == {
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
def test_an_engine_that_does_not_tell_what_matters_tells_nothing(lacking: str) -> None:
    told = [line for line in METRICS.splitlines(keepends=True) if lacking.encode() not in line]
    assert read_engine(b"".join(told), None) is None


@pytest.mark.parametrize("metrics", [b"", b"\xff\xfe", b"vllm:kv_cache_usage_perc 0.5\n"])
def test_without_metrics_there_is_no_engine(metrics: bytes) -> None:
    assert read_engine(metrics, None) is None


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_requests_through_a_router_are_told_from_direct_ones(
    socket: Path, path: str, body: dict[str, Any]
) -> None:
    async with ScriptedEngine(socket, OK), running_gateway(socket) as gateway:
        await gateway.call("POST", path, body)
        await gateway.call("POST", path, body, ROUTED)
        await gateway.call("POST", path, body, ROUTED)
        told = await demand(gateway)

    assert (told["arrivals"], told["completions"]) == (3, 3)
    assert told["direct"] == {"arrivals": 1, "completions": 1}
    assert told["routers"] == {ROUTER: {"arrivals": 2, "completions": 2}}


@pytest.mark.parametrize("name", ["stranger", "0123456789ABCDEF", "0" * 17, "\u00ff" * 16])
async def test_what_is_no_routers_name_is_a_direct_request(socket: Path, name: str) -> None:
    async with ScriptedEngine(socket, OK), running_gateway(socket) as gateway:
        head = f"x-fairlead-router: {name}".encode("latin-1").decode("latin-1")
        request = post(CHAT_PATH, json.dumps(CHAT).encode(), head, "connection: close")
        await raw(gateway, request)
        told = await demand(gateway)

    assert told["direct"] == {"arrivals": 1, "completions": 1}
    assert told["routers"] == {}


def test_made_up_routers_cannot_fill_the_memory() -> None:
    counter = LoadCounters()
    for number in range(10_000):
        counter.arrived(b"%016x" % number)

    told = counter.tell()
    assert len(told["routers"]) == MAX_COUNTED_ROUTERS
    assert told["direct"]["arrivals"] == 10_000 - MAX_COUNTED_ROUTERS


async def test_what_the_engine_refuses_ends_and_is_not_completed(socket: Path) -> None:
    refusal = answer(whole("400 Bad Request", b'{"error": {"message": "no", "code": 400}}'))
    async with ScriptedEngine(socket, refusal), running_gateway(socket) as gateway:
        await gateway.call("POST", CHAT_PATH, CHAT)
        told = await demand(gateway)

    assert (told["arrivals"], told["completions"]) == (1, 0)
    assert told["lastCompletionAt"] is not None


async def test_a_request_that_no_engine_could_be_given_is_no_demand(socket: Path) -> None:
    async with running_gateway(socket) as gateway:
        await gateway.call("POST", CHAT_PATH, {"model": "other", "messages": []})
        told = await demand(gateway)

    assert (told["arrivals"], told["lastCompletionAt"], told["engine"]) == (0, None, None)


async def test_load_is_told_and_who_waits_for_a_queue_hears_of_it_at_once(socket: Path) -> None:
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
        told = await demand(gateway)
        first.cancel()
        second.cancel()

    assert (told["inFlight"], told["queued"], told["cursor"]) == (1, 1, before + 1)


async def test_who_waits_in_vain_gets_an_answer_after_its_time() -> None:
    counter = LoadCounters()
    async with asyncio.timeout(10):
        await counter.wait_above(0, 0.01)
    assert counter.cursor == 0


async def test_a_cursor_of_a_former_process_waits_for_nothing() -> None:
    async with asyncio.timeout(10):
        await LoadCounters().wait_above(7, 60)


def test_each_process_has_a_name_of_its_own() -> None:
    assert LoadCounters().boot != LoadCounters().boot


@pytest.mark.engine
def test_a_real_engine_tells_how_much_it_has_done(own_gateway: GatewayProcess, engine: Engine) -> None:
    def told() -> dict[str, Any]:
        status, body = own_gateway.admin("/demand")
        assert status == 200
        found: dict[str, Any] = json.loads(body)
        return found

    before = told()["engine"]
    with own_gateway.openai() as client:
        answer = client.chat.completions.create(
            model="tiny",
            messages=[{"role": "user", "content": "count to ten"}],
            max_tokens=20,
            extra_body={"ignore_eos": True},
        )
    after = told()
    assert answer.usage is not None
    assert after["engine"]["decodeTokens"] - before["decodeTokens"] == answer.usage.completion_tokens == 20
    assert after["engine"]["promptTokens"] - before["promptTokens"] == answer.usage.prompt_tokens
    assert 0 < after["engine"]["prefillTokens"] - before["prefillTokens"] <= answer.usage.prompt_tokens
    assert after["engine"]["steps"] > before["steps"]
    assert after["engine"]["kvTokens"] > 0
    assert (after["arrivals"], after["completions"]) == (1, 1)
