"""Who may call, how many at once, and how long they wait: on the wire."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from fairlead_gateway.settings import ProcessSettings
from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION, GENERATIONS, STREAM
from tests.gateway.scripted import HEAD, ScriptedEngine, answer, chunked, whole
from tests.gateway.wire import Gateway, running_gateway, sweep_until, until
from tests.support.api_keys import bearer, key_file

OK = answer(whole("200 OK", COMPLETION))
BOTH = {"servedName": "tiny", "aliases": ["small"]}


KEYS = {
    "alice": key_file("sk-alice"),
    "bob": key_file("sk-bob", models=["small"]),
    "carol": key_file("sk-carol"),
}
APIKEY = {"mode": "APIKey"}


@pytest.mark.parametrize("headers", [{}, bearer("sk-wrong"), {"authorization": "sk-alice"}])
@pytest.mark.parametrize(("method", "path"), [("POST", CHAT_PATH), ("GET", "/v1/models"), ("GET", "/other")])
async def test_without_a_valid_key_every_path_is_a_401_invalid_api_key(
    socket: Path, method: str, path: str, headers: dict[str, str]
) -> None:
    async with running_gateway(socket, KEYS, auth=APIKEY) as gateway:
        result = await gateway.call(method, path, CHAT if method == "POST" else b"", headers)

    assert (result.status, result.error["code"]) == (401, "invalid_api_key")
    assert result.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_a_request_with_a_valid_key_is_served(socket: Path, path: str, body: dict[str, Any]) -> None:
    async with ScriptedEngine(socket, OK), running_gateway(socket, KEYS, auth=APIKEY) as gateway:
        result = await gateway.call("POST", path, body, bearer("sk-alice"))

    assert result.status == 200


@pytest.mark.parametrize(("model", "status"), [("small", 200), ("tiny", 403)])
async def test_a_key_with_a_list_of_models_is_refused_for_other_models(
    socket: Path, model: str, status: int
) -> None:
    async with ScriptedEngine(socket, OK), running_gateway(socket, KEYS, auth=APIKEY, model=BOTH) as gateway:
        result = await gateway.call("POST", CHAT_PATH, CHAT | {"model": model}, bearer("sk-bob"))

    assert result.status == status


async def test_a_key_lists_only_its_models(socket: Path) -> None:
    async with running_gateway(socket, KEYS, auth=APIKEY, model=BOTH) as gateway:
        result = await gateway.call("GET", "/v1/models", headers=bearer("sk-bob"))
        hidden = await gateway.call("GET", "/v1/models/tiny", headers=bearer("sk-bob"))

    assert [model["id"] for model in result.json()["data"]] == ["small"]
    assert hidden.error["code"] == "model_not_found"


async def test_a_key_may_be_for_an_adapter_alone(socket: Path) -> None:
    names = {"servedName": "tiny", "adapters": ["small"]}
    async with ScriptedEngine(socket, OK), running_gateway(socket, KEYS, auth=APIKEY, model=names) as gateway:
        asked = [
            await gateway.call("POST", CHAT_PATH, CHAT | {"model": model}, bearer("sk-bob"))
            for model in ("small", "tiny")
        ]

    assert [result.status for result in asked] == [200, 403]


class Slow:
    """An engine that answers when it is let."""

    def __init__(self) -> None:
        self.release = asyncio.Event()

    async def __call__(self, engine: ScriptedEngine, reader: Any, writer: Any) -> None:
        await engine.read_request(reader)
        await self.release.wait()
        if b'"stream"' in engine.requests[-1]:
            writer.write(HEAD + chunked(STREAM) + b"0\r\n\r\n")
        else:
            writer.write(whole("200 OK", COMPLETION))


def start(gateway: Gateway, **fields: Any) -> asyncio.Task[Any]:
    return asyncio.create_task(gateway.call("POST", CHAT_PATH, CHAT | fields))


async def test_a_request_above_the_concurrency_limit_is_queued(socket: Path) -> None:
    slow = Slow()
    async with (
        ScriptedEngine(socket, slow) as engine,
        running_gateway(socket, maxRunningRequests=1) as gateway,
    ):
        limiter = gateway.services.limiter
        calls = [start(gateway), start(gateway)]
        await until(lambda: limiter.waiting == 1 and engine.requests)
        assert len(engine.requests) == 1
        slow.release.set()
        results = await asyncio.gather(*calls)

    assert [result.status for result in results] == [200, 200]


async def test_a_request_beyond_the_queue_limit_is_a_429_with_retry_after(socket: Path) -> None:
    slow = Slow()
    async with (
        ScriptedEngine(socket, slow),
        running_gateway(socket, maxRunningRequests=1, maxQueuedRequests=0) as gateway,
    ):
        first = start(gateway)
        await until(lambda: gateway.services.limiter.running == 1)
        refused = await start(gateway)
        slow.release.set()
        await first

    assert (refused.status, refused.error["code"]) == (429, "rate_limit_exceeded")
    assert refused.error["type"] == "rate_limit_error"
    assert int(refused.headers["retry-after"]) > 0


async def test_a_request_that_waits_too_long_is_refused_with_retry_after(socket: Path) -> None:
    slow = Slow()
    async with (
        ScriptedEngine(socket, slow),
        running_gateway(socket, maxRunningRequests=1, queueTimeoutSeconds=1) as gateway,
    ):
        first = start(gateway)
        await until(lambda: gateway.services.limiter.running == 1)
        second = start(gateway)
        await sweep_until(gateway, second.done)
        assert not first.done()
        slow.release.set()
        await first

    assert ((await second).status, (await second).error["code"]) == (503, "queue_timeout")
    assert int((await second).headers["retry-after"]) > 0


async def test_a_client_that_disconnects_while_waiting_leaves_the_queue(socket: Path) -> None:
    slow = Slow()
    async with (
        ScriptedEngine(socket, slow) as engine,
        running_gateway(socket, maxRunningRequests=1) as gateway,
    ):
        limiter = gateway.services.limiter
        first = start(gateway)
        await until(lambda: limiter.running == 1)
        leaving = start(gateway)
        await until(lambda: limiter.waiting == 1)
        leaving.cancel()
        await until(lambda: limiter.waiting == 0)
        slow.release.set()
        await first

    assert len(engine.requests) == 1


async def test_a_slot_is_released_however_its_request_ends(socket: Path) -> None:
    ends = [
        answer(),
        answer(HEAD, chunked(b"data: {}\n\n")),
        answer(whole("500 Oops", b"no")),
        answer(HEAD, chunked(STREAM), b"0\r\n\r\n"),
    ]
    async with ScriptedEngine(socket, *ends), running_gateway(socket) as gateway:
        for _ in ends:
            await start(gateway, stream=True)
        assert gateway.services.limiter.running == 0


async def test_bodies_above_the_total_memory_limit_are_refused(socket: Path) -> None:
    slow = Slow()
    process = ProcessSettings(max_body_bytes_in_flight=40_000)
    async with ScriptedEngine(socket, slow), running_gateway(socket, process=process) as gateway:
        first = start(gateway, user="x" * 10_000)
        await until(lambda: gateway.services.limiter.running == 1)
        refused = await start(gateway, user="x" * 10_000)
        slow.release.set()
        await first
        later = await start(gateway, user="x" * 10_000)

    assert (refused.status, refused.error["code"]) == (503, "engine_unavailable")
    assert later.status == 200


async def test_a_request_with_labels_is_logged_with_its_id(
    socket: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = logging.getLogger("fairlead.gateway.requests")
    caplog.set_level(logging.INFO, log.name)
    async with ScriptedEngine(socket, OK), running_gateway(socket, api={"dialect": "RAG"}) as gateway:
        body = CHAT | {"user": "u1", "chat_id": "c1"}
        result = await gateway.call("POST", CHAT_PATH, body, {"x-user-id": "U", "x-project-id": "P"})

    record = json.loads(next(entry.message for entry in caplog.records if entry.name == log.name))
    assert list(record)[:4] == ["time", "level", "logger", "message"]
    assert record["labels"] == {"user": "u1", "chat_id": "c1", "user_id": "U", "project_id": "P"}
    assert (record["request_id"], record["status"]) == (result.headers["x-request-id"], 200)


@pytest.mark.parametrize("early", [False, True], ids=["at-once", "after-a-ping"])
async def test_the_wait_for_a_streams_first_event_is_measured(socket: Path, early: bool) -> None:
    slow = Slow()
    process = ProcessSettings(ping_seconds=0)
    async with ScriptedEngine(socket, slow) as engine, running_gateway(socket, process=process) as gateway:
        call = start(gateway, stream=True)
        await until(lambda: engine.requests)
        if early:
            gateway.services.sweep()
        slow.release.set()
        result = await call
        metrics = gateway.services.telemetry.render().decode()

    assert result.body.startswith(b": ping") is early
    assert (
        'fairlead_gateway_time_to_first_token_seconds_count{endpoint="chat",model="tiny",namespace=""} 1.0'
        in metrics
    )
    assert (
        'fairlead_gateway_inter_token_latency_seconds_count{endpoint="chat",model="tiny",namespace=""} 1.0'
        in metrics
    )


async def test_the_metrics_count_prompt_and_completion_tokens(socket: Path) -> None:
    async with ScriptedEngine(socket, OK), running_gateway(socket) as gateway:
        await start(gateway)
        metrics = gateway.services.telemetry.render().decode()

    assert 'fairlead_gateway_tokens_total{kind="prompt",model="tiny",namespace=""} 3.0' in metrics
    assert 'fairlead_gateway_tokens_total{kind="completion",model="tiny",namespace=""} 2.0' in metrics
