"""The gateway's metrics: how requests end, whose they are, and how many tokens they took."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.bodies import CHAT, CHAT_PATH, COMPLETION, GENERATIONS, LAST_CHUNK, STREAM
from tests.gateway.scripted import CHUNK, HEAD, ScriptedEngine, answer, chunked, streams, whole
from tests.gateway.wire import Gateway, post, running_gateway, until
from tests.support.metric_tables import documented, served
from tests.support.metrics import samples, total

RESOURCE = {"namespace": "demo", "name": "tiny-qwen"}
STREAMED = CHAT | {"stream": True}
OK = answer(whole("200 OK", COMPLETION))
ENGINE_ERROR = b'data: {"error":{"message":"out of memory","type":"InternalServerError","code":500}}\n\n'
REFUSAL = b'data: {"error":{"message":"bad grammar","type":"BadRequestError","code":400}}\n\n'


def with_usage(chunk: bytes, prompt: int, completion: int) -> bytes:
    """A chunk as the engine writes it with the usage so far."""
    counts = (prompt, prompt + completion, completion)
    return chunk.replace(
        b'"choices":[',
        b'"usage":{"prompt_tokens":%d,"total_tokens":%d,"completion_tokens":%d},"choices":[' % counts,
    )


def requests(gateway: Gateway, status: int) -> float:
    """How many requests ended with this status."""
    return total(page(gateway), "fairlead_gateway_requests_total", status=str(status))


def tokens(gateway: Gateway) -> list[float]:
    """Prompt and completion tokens."""
    name = "fairlead_gateway_tokens_total"
    return [total(page(gateway), name, kind=kind) for kind in ("prompt", "completion")]


def page(gateway: Gateway) -> bytes:
    """The gateway's own part of its metrics."""
    rendered: bytes = gateway.services.telemetry.render()
    return rendered


@asynccontextmanager
async def open_stream(gateway: Gateway, until_bytes: bytes) -> AsyncIterator[None]:
    """A client that has read its stream up to these bytes, and leaves at the end."""
    reader, writer = await gateway.connect()
    writer.write(post(CHAT_PATH, json.dumps(STREAMED).encode()))
    async with asyncio.timeout(60):
        await reader.readuntil(until_bytes)
    try:
        yield
    finally:
        writer.close()


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_a_stream_that_breaks_after_its_head_counts_as_502(
    socket: Path, path: str, body: dict[str, Any]
) -> None:
    async with ScriptedEngine(socket, answer(HEAD, chunked(CHUNK))), running_gateway(socket) as gateway:
        result = await gateway.call("POST", path, body | {"stream": True})

    assert result.status == 200
    assert (requests(gateway, 502), requests(gateway, 200)) == (1, 0)
    assert total(page(gateway), "fairlead_gateway_rejects_total", code="engine_error") == 1


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
@pytest.mark.parametrize(("event", "status"), [(ENGINE_ERROR, 502), (REFUSAL, 400)], ids=["own", "client's"])
async def test_a_stream_that_the_engine_ends_with_an_error_counts_as_failed(
    socket: Path, path: str, body: dict[str, Any], event: bytes, status: int
) -> None:
    script = answer(HEAD, chunked(CHUNK), chunked(event), b"0\r\n\r\n")
    async with ScriptedEngine(socket, script), running_gateway(socket) as gateway:
        await gateway.call("POST", path, body | {"stream": True})

    assert (requests(gateway, status), requests(gateway, 200)) == (1, 0)
    assert total(page(gateway), "fairlead_gateway_rejects_total") == 1


@pytest.mark.parametrize(("path", "body"), GENERATIONS)
async def test_a_whole_stream_counts_as_200(socket: Path, path: str, body: dict[str, Any]) -> None:
    script = answer(HEAD, chunked(STREAM), b"0\r\n\r\n")
    async with ScriptedEngine(socket, script), running_gateway(socket) as gateway:
        await gateway.call("POST", path, body | {"stream": True})

    assert (requests(gateway, 200), requests(gateway, 502)) == (1, 0)


async def test_a_client_that_leaves_its_stream_counts_as_499(socket: Path) -> None:
    async with ScriptedEngine(socket, streams(CHUNK)), running_gateway(socket) as gateway:
        async with open_stream(gateway, CHUNK):
            pass
        await until(lambda: requests(gateway, 499))

    assert requests(gateway, 200) == 0


async def test_usage_counts_that_comes_before_the_last_bytes(socket: Path) -> None:
    seen = asyncio.Event()
    usage = with_usage(LAST_CHUNK, 7, 4)

    async def script(engine: ScriptedEngine, reader: Any, writer: Any) -> None:
        await engine.read_request(reader)
        writer.write(HEAD + chunked(CHUNK) + chunked(usage))
        await seen.wait()
        writer.write(chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n")

    async with (
        ScriptedEngine(socket, script),
        running_gateway(socket) as gateway,
        open_stream(gateway, usage),
    ):
        seen.set()
        await until(lambda: requests(gateway, 200))

    assert tokens(gateway) == [7, 4]


async def test_the_usage_so_far_counts_when_the_client_leaves(socket: Path) -> None:
    parts = (with_usage(CHUNK, 5, 1), with_usage(CHUNK, 5, 2))
    async with ScriptedEngine(socket, streams(*parts)), running_gateway(socket) as gateway:
        async with open_stream(gateway, parts[1]):
            pass
        await until(lambda: requests(gateway, 499))

    assert tokens(gateway) == [5, 2]


async def test_the_tokens_of_a_stream_without_usage_are_not_guessed(socket: Path) -> None:
    async with ScriptedEngine(socket, streams(CHUNK)), running_gateway(socket) as gateway:
        async with open_stream(gateway, CHUNK):
            pass
        await until(lambda: requests(gateway, 499))

    assert tokens(gateway) == [0, 0]


async def test_all_metrics_of_the_model_have_its_namespace_and_name(socket: Path) -> None:
    async with ScriptedEngine(socket, OK), running_gateway(socket, resource=RESOURCE) as gateway:
        await gateway.call("POST", CHAT_PATH, CHAT)
        await gateway.call("POST", CHAT_PATH, CHAT | {"temperature": "hot"})

    model = {"namespace": "demo", "model": "tiny-qwen"}
    assert total(page(gateway), "fairlead_gateway_requests_total", **model) == 2
    others = {sample.name for sample in samples(page(gateway)) if not model.items() <= sample.labels.items()}
    process = {name for name in others if name.startswith("fairlead_gateway_process_")}
    assert others == {"fairlead_build_info", *process}
    assert {f"fairlead_gateway_process_{name}" for name in ("cpu_seconds_total", "open_fds")} < process


async def test_without_a_resource_in_its_settings_the_model_is_the_served_name(socket: Path) -> None:
    async with ScriptedEngine(socket, OK), running_gateway(socket) as gateway:
        await gateway.call("POST", CHAT_PATH, CHAT)

    assert total(page(gateway), "fairlead_gateway_requests_total", namespace="", model="tiny") == 1


@pytest.mark.parametrize(
    ("body", "known"),
    [(b'{"version":"0.32.0+cu130"}', True), (b'{"version":"a b"}', False), (b"[]", False)],
)
async def test_the_engines_version_is_a_label_if_it_is_one(socket: Path, body: bytes, known: bool) -> None:
    models = b'{"data":[{"id":"tiny","max_model_len":512}]}'
    scripts = [answer(whole("200 OK", text)) for text in (b"", models, body)]
    async with ScriptedEngine(socket, *scripts), running_gateway(socket) as gateway:
        await gateway.services.query_engine()

    assert total(page(gateway), "fairlead_engine_info", version="0.32.0+cu130") == known
    assert total(page(gateway), "fairlead_engine_info") == known


async def test_the_buckets_separate_times_that_objectives_differ_by(socket: Path) -> None:
    async with ScriptedEngine(socket, OK), running_gateway(socket) as gateway:
        telemetry = gateway.services.telemetry
        telemetry.first_event.observe("chat", 0.4)
        telemetry.between_events.observe("chat", 0.022)
    first, between = (
        {
            sample.labels["le"]: sample.value
            for sample in samples(page(gateway))
            if sample.name == f"fairlead_gateway_{name}_seconds_bucket"
        }
        for name in ("time_to_first_token", "inter_token_latency")
    )

    assert [first[bound] for bound in ("0.2", "0.3", "0.5", "2.0", "+Inf")] == [0, 0, 1, 1, 1]
    assert [between[bound] for bound in ("0.02", "0.025", "0.03", "0.1", "+Inf")] == [0, 1, 1, 1, 1]


async def test_the_documentation_has_exactly_the_metrics_of_the_page(socket: Path) -> None:
    models = whole("200 OK", b'{"data":[{"id":"tiny","max_model_len":512}]}')
    scripts = [
        answer(whole("200 OK", b"")),
        answer(models),
        answer(whole("200 OK", b'{"version":"0.32.0"}')),
        answer(HEAD, chunked(STREAM), b"0\r\n\r\n"),
    ]
    async with ScriptedEngine(socket, *scripts), running_gateway(socket) as gateway:
        await gateway.services.query_engine()
        await gateway.call("POST", CHAT_PATH, STREAMED)
        await gateway.call("POST", CHAT_PATH, CHAT | {"temperature": "hot"})
        gateway.services.telemetry.queue_time.observe("chat", 1)

    assert served(page(gateway), "") == documented("Gateway")
