"""Which requests leave a line in the request log of gateway or router, and what it has."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from fairlead_gateway import bounds
from fairlead_gateway.request_facts import RequestFacts
from fairlead_gateway.request_log import RequestLog
from tests.gateway.bodies import CHAT, CHAT_PATH, LAST_CHUNK
from tests.gateway.fronts import OK, both, fronts
from tests.gateway.scripted import CHUNK, HEAD, ScriptedEngine, answer, chunked, whole
from tests.gateway.wire import Gateway, running_gateway, until
from tests.router.objects import model, scaled
from tests.router.wire import ScriptedPod, running_router
from tests.support.api_keys import bearer, key_file
from tests.support.clock import Clock
from tests.support.control_plane import free_port

LOG = logging.getLogger("fairlead.gateway.requests")
FAILING = answer(whole("500 Oops", b'{"error":{"message":"no","type":"a","code":500}}'))
USAGE = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[],'
    b'"usage":{"prompt_tokens":3,"total_tokens":5,"completion_tokens":2}}\n\n'
)
STREAMED = answer(HEAD, chunked(CHUNK + LAST_CHUNK + USAGE + b"data: [DONE]\n\n"), b"0\r\n\r\n")
ALL: dict[str, Any] = {"requestLog": {"mode": "All"}}
RESOURCE: dict[str, Any] = {"resource": {"namespace": "team", "name": "tiny-1"}}
SECRET = "xyzzy-do-not-log"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    """The lines of the request log so far."""
    caplog.set_level(logging.DEBUG, LOG.name)
    return lambda: [json.loads(record.message) for record in caplog.records if record.name == LOG.name]


def facts(status: int = 200, seconds: float = 0.1, **more: Any) -> RequestFacts:
    return RequestFacts("id", "chat", status, seconds, **more)


@both
async def test_a_plain_request_leaves_no_line(kind: str, socket: Path, lines: Any) -> None:
    async with fronts(kind, socket) as (front, _):
        answers = [await front.call("POST", CHAT_PATH, CHAT), await front.call("GET", "/v1/models")]

    assert [result.status for result in answers] == [200, 200]
    assert lines() == []


async def test_a_failed_request_leaves_a_line_with_what_on_call_asks_for(socket: Path, lines: Any) -> None:
    keys, auth = {"alice": key_file("sk-alice")}, {"mode": "APIKey"}
    async with (
        ScriptedEngine(socket, FAILING),
        running_gateway(socket, keys, auth=auth, **RESOURCE) as gateway,
    ):
        result = await gateway.call("POST", CHAT_PATH, CHAT, bearer("sk-alice"))

    (line,) = lines()
    assert list(line)[:4] == ["time", "level", "logger", "message"]
    del line["time"]
    assert line.pop("seconds") >= 0
    assert line == {
        "level": "ERROR",
        "logger": LOG.name,
        "message": "request",
        "event": "request",
        "request_id": result.headers["x-request-id"],
        "namespace": "team",
        "model": "tiny-1",
        "requested_model": "tiny",
        "endpoint": "chat",
        "status": result.status,
        "code": result.error["code"],
        "key": "alice",
    }


async def test_the_routers_line_has_the_model_the_pod_and_the_retries(lines: Any) -> None:
    async with running_router() as router:
        router.ready(free_port(), free_port())
        call = asyncio.create_task(router.call("POST", CHAT_PATH, CHAT))
        # Neither pod can be reached, so the request waits until the router ends.
        await until(lambda: len(router.dispatcher.queue))
        router.services.dismiss()
        result = await call

    (line,) = lines()
    assert (line["namespace"], line["model"], line["endpoint"]) == ("team", "tiny", "chat")
    assert (line["status"], line["code"]) == (503, result.error["code"])
    assert line["pod"] in ("pod-0", "pod-1")
    assert line["held_seconds"] > 0


async def test_the_routers_line_counts_the_pods_that_failed_before(lines: Any) -> None:
    failing = answer(whole("503 No", b'{"error":{"message":"no","type":"a","param":null,"code":"x"}}'))
    async with ScriptedPod(failing) as first, ScriptedPod(failing) as second, running_router() as router:
        router.ready(first.port, second.port)
        await router.call("POST", CHAT_PATH, CHAT)

    (line,) = lines()
    assert (line["status"], line["retries"]) == (503, 1)


async def test_a_request_for_an_unknown_model_is_logged_without_the_clients_text(lines: Any) -> None:
    async with running_router() as router:
        await router.call("POST", CHAT_PATH, CHAT | {"model": SECRET})

    (line,) = lines()
    assert (line["status"], line["code"], line["level"]) == (404, "model_not_found", "INFO")
    assert "model" not in line
    assert SECRET not in json.dumps(line)


@pytest.mark.parametrize("script", [OK, FAILING], ids=["answered", "failed"])
async def test_no_line_has_text_of_the_request_or_an_api_key(socket: Path, script: Any, lines: Any) -> None:
    keys, auth = {"alice": key_file(SECRET)}, {"mode": "APIKey"}
    body = CHAT | {"messages": [{"role": "user", "content": SECRET}]}
    async with ScriptedEngine(socket, script), running_gateway(socket, keys, auth=auth, **ALL) as gateway:
        await gateway.call("POST", CHAT_PATH, body, bearer(SECRET))
        await gateway.call("POST", CHAT_PATH, body, bearer(SECRET + "-wrong"))

    assert len(lines()) == 2
    assert SECRET not in json.dumps(lines())


@pytest.mark.parametrize("stream", [False, True])
async def test_with_the_switch_each_request_leaves_a_line_with_its_tokens(
    socket: Path, stream: bool, lines: Any
) -> None:
    script = STREAMED if stream else OK
    async with ScriptedEngine(socket, script), running_gateway(socket, **ALL) as gateway:
        await gateway.call("POST", CHAT_PATH, CHAT | {"stream": stream})
        await gateway.call("GET", "/v1/models")

    of_chat, of_models = lines()
    assert (of_chat["level"], of_chat["status"]) == ("INFO", 200)
    assert (of_chat["input_tokens"], of_chat["output_tokens"]) == (3, 2)
    assert ("first_token_seconds" in of_chat) is stream
    assert of_models["endpoint"] == "models"


async def test_the_switch_takes_effect_while_the_gateway_runs(socket: Path, lines: Any) -> None:
    async with ScriptedEngine(socket, OK), running_gateway(socket) as gateway:
        await gateway.call("POST", CHAT_PATH, CHAT)
        before = lines()
        _reconfigure(gateway, mode="All")
        await gateway.call("POST", CHAT_PATH, CHAT)

    assert before == []
    assert len(lines()) == 1


async def test_a_switched_off_log_has_lines_of_labelled_requests_only(socket: Path, lines: Any) -> None:
    off: dict[str, Any] = {"requestLog": {"mode": "None"}}
    async with ScriptedEngine(socket, FAILING), running_gateway(socket, **off) as gateway:
        await gateway.call("POST", CHAT_PATH, CHAT)
        await gateway.call("POST", CHAT_PATH, CHAT | {"user": "u"})

    (line,) = lines()
    assert line["labels"] == {"user": "u"}


async def test_a_slow_request_leaves_a_warning(socket: Path, lines: Any) -> None:
    async with ScriptedEngine(socket, OK), running_gateway(socket) as gateway:
        _reconfigure(gateway, slowSeconds=1e-9)
        await gateway.call("POST", CHAT_PATH, CHAT)

    (line,) = lines()
    assert (line["level"], line["status"]) == ("WARNING", 200)


async def test_a_held_request_is_slow_in_the_router(lines: Any) -> None:
    async with (
        ScriptedPod(OK) as pod,
        running_router(model(autoscaling=scaled()), slow_request_seconds=1e-9) as router,
    ):
        call = asyncio.create_task(router.call("POST", CHAT_PATH, CHAT))
        await until(lambda: len(router.dispatcher.queue))
        router.ready(pod.port)
        await call

    (line,) = lines()
    assert (line["level"], line["status"], line["pod"]) == ("WARNING", 200, "pod-0")
    assert 0 < line["held_seconds"] <= line["seconds"]


def test_a_long_stream_is_not_slow_if_it_began_soon(lines: Any) -> None:
    log = RequestLog(Clock())
    log.add(facts(seconds=500, first_token_seconds=1))
    assert lines() == []
    log.add(facts(seconds=500, first_token_seconds=100))
    assert len(lines()) == 1


@pytest.mark.parametrize(
    ("status", "burst", "per_second"),
    [
        (503, bounds.FAILED_LINES_BURST, bounds.FAILED_LINES_PER_SECOND),
        (401, bounds.REFUSED_LINES_BURST, bounds.REFUSED_LINES_PER_SECOND),
    ],
)
def test_lines_about_failures_are_bounded_in_rate(
    status: int, burst: int, per_second: float, lines: Any
) -> None:
    clock = Clock()
    log = RequestLog(clock)
    for _ in range(burst + 7):
        log.add(facts(status))
    assert len(lines()) == burst
    clock.now += 1.001 / per_second
    log.add(facts(status))
    log.add(facts(status))

    last = lines()[-1]
    assert len(lines()) == burst + 1
    assert last["suppressed"] == 7


def test_refused_requests_do_not_displace_failed_ones(lines: Any) -> None:
    log = RequestLog(Clock())
    for _ in range(bounds.REFUSED_LINES_BURST + bounds.FAILED_LINES_BURST):
        log.add(facts(429))
    log.add(facts(502))

    assert lines()[-1]["status"] == 502


def _reconfigure(gateway: Gateway, **request_log: Any) -> None:
    services = gateway.services
    changed = services.settings.model_dump() | {"requestLog": request_log}
    services.apply(type(services.settings).model_validate(changed), services.keys)
