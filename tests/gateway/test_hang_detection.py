"""When the engine counts as hanging, and what brings it back. Time is the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fairlead_gateway.admin import create_admin
from fairlead_gateway.upstream.hang_detection import HangWatch
from tests.gateway.asgi import call
from tests.gateway.bodies import CHAT, CHAT_PATH
from tests.gateway.scripted import ScriptedEngine, hang
from tests.gateway.wire import Gateway, running_gateway, until

AFTER = 100.0
BUSY = 'vllm:num_requests_running{engine="0"} 1.0\nvllm:kv_cache_usage_perc{engine="0"} %s\n'


class Engine:
    """An engine whose counters and answers the test decides."""

    def __init__(self) -> None:
        self.text, self.answers, self.tokens_asked = b"", False, 0

    async def metrics(self) -> bytes:
        return self.text

    async def generates(self, model: str) -> bool:
        self.tokens_asked += 1
        return self.answers


class Story:
    """A watch whose looks and time the test controls."""

    def __init__(self) -> None:
        self.now = 0.0
        self.engine = Engine()
        self.watch = HangWatch(self.engine, lambda: self.now)

    async def pass_time(self, seconds: float, *, awaited: bool, heard: bool = False) -> None:
        """Looks once a second, as the gateway does; with `heard` a request gets bytes all the time."""
        for _ in range(int(seconds)):
            self.now += 1
            if awaited:
                self.watch.awaited(self.now if heard else 0.0)
            self.watch.check(self.now, AFTER, "tiny")
            for _ in range(3):  # what was asked is answered before the next look
                await asyncio.sleep(0)


@pytest.fixture
async def story() -> AsyncIterator[Story]:
    created = Story()
    yield created
    created.watch.close()


async def test_requests_without_progress_are_a_hang_after_the_timeout(story: Story) -> None:
    await story.pass_time(AFTER - 1, awaited=True)
    assert not story.watch.hung
    await story.pass_time(1, awaited=True)
    assert story.watch.hung
    assert story.watch.unresponsive_seconds(story.now + 5) == AFTER + 5


async def test_an_engine_without_requests_does_not_hang(story: Story) -> None:
    await story.pass_time(10 * AFTER, awaited=False)
    assert not story.watch.hung
    assert story.watch.unresponsive_seconds(story.now) == 0


async def test_idle_time_before_a_request_does_not_count(story: Story) -> None:
    await story.pass_time(10 * AFTER, awaited=False)
    await story.pass_time(AFTER - 1, awaited=True)
    assert not story.watch.hung


async def test_bytes_of_one_answer_show_progress_while_others_wait(story: Story) -> None:
    await story.pass_time(3 * AFTER, awaited=True, heard=True)
    assert not story.watch.hung


async def test_arriving_requests_are_not_progress(story: Story) -> None:
    for _ in range(int(AFTER)):
        await story.pass_time(1, awaited=True)
    assert story.watch.hung


async def test_a_long_prompt_that_moves_the_engines_counters_is_not_a_hang(story: Story) -> None:
    for step in range(int(3 * AFTER)):
        story.engine.text = (BUSY % step).encode()
        await story.pass_time(1, awaited=True)
    assert not story.watch.hung


async def test_counters_of_the_engines_http_server_are_not_progress(story: Story) -> None:
    for step in range(int(2 * AFTER)):
        story.engine.text = (BUSY % 0.5).encode() + b"http_requests_total %d\n" % step
        await story.pass_time(1, awaited=True)
    assert story.watch.hung


async def test_a_hung_engine_recovers_with_its_next_byte(story: Story) -> None:
    await story.pass_time(AFTER, awaited=True)
    await story.pass_time(1, awaited=True, heard=True)
    assert not story.watch.hung


async def test_requests_that_gave_up_do_not_clear_a_hang(story: Story) -> None:
    await story.pass_time(AFTER, awaited=True)
    await story.pass_time(10 * AFTER, awaited=False)
    assert story.watch.hung


async def test_a_hung_engine_without_requests_recovers_with_one_probed_token(story: Story) -> None:
    await story.pass_time(AFTER, awaited=True)
    await story.pass_time(10, awaited=False)
    assert (story.watch.hung, story.engine.tokens_asked > 0) == (True, True)
    story.engine.answers = True
    await story.pass_time(5, awaited=False)
    assert not story.watch.hung


async def test_a_healthy_or_busy_engine_gets_no_probe(story: Story) -> None:
    await story.pass_time(3 * AFTER, awaited=False)
    await story.pass_time(2 * AFTER, awaited=True)
    assert story.engine.tokens_asked == 0


async def test_a_hang_is_detected_although_its_requests_gave_up(story: Story) -> None:
    await story.pass_time(AFTER / 2, awaited=True)
    story.watch.given_up()
    await story.pass_time(AFTER, awaited=False)
    assert story.watch.hung


# The watch in the gateway


async def pass_seconds(gateway: Gateway, seconds: float) -> None:
    """Lets the gateway look as if this time had passed."""
    clock = gateway.services.clock
    gateway.services.clock = lambda: clock() + seconds
    gateway.services.sweep()


async def test_a_gateway_whose_engine_hangs_is_not_ready_and_takes_no_more_requests(socket: Path) -> None:
    async with ScriptedEngine(socket, hang), running_gateway(socket) as gateway:
        admin = create_admin(gateway.services)
        waiting = asyncio.create_task(gateway.call("POST", CHAT_PATH, CHAT))
        await until(lambda: gateway.services.limiter.running == 1)
        before = await call(admin, "GET", "/livez")
        await pass_seconds(gateway, 301)
        ready, live = await call(admin, "GET", "/readyz"), await call(admin, "GET", "/livez")
        status = (await call(admin, "GET", "/status")).json()
        refused = await gateway.call("POST", CHAT_PATH, CHAT)
        waiting.cancel()

    assert (before.status, live.status, ready.status) == (200, 503, 503)
    assert ready.json()["reason"] == "EngineUnresponsive"
    assert status["unresponsiveSeconds"] >= 300
    assert (refused.status, refused.error["code"]) == (503, "engine_unavailable")
    assert int(refused.headers["retry-after"]) > 0
    metrics = gateway.services.telemetry.render()
    assert b'fairlead_gateway_engine_unresponsive_seconds{model="tiny",namespace=""} 30' in metrics


async def test_a_client_that_reads_nothing_is_not_an_engine_hang(socket: Path) -> None:
    async with ScriptedEngine(socket, hang), running_gateway(socket) as gateway:
        waiting = asyncio.create_task(gateway.call("POST", CHAT_PATH, CHAT))
        await until(lambda: gateway.services.limiter.running == 1)
        for item in gateway.services.active:  # connections are among them too
            getattr(item, "pause", lambda: None)()
        await pass_seconds(gateway, 301)
        hung = gateway.services.hang.hung
        waiting.cancel()

    assert not hung


async def test_a_drain_does_not_wait_for_an_engine_that_hangs(socket: Path) -> None:
    async with ScriptedEngine(socket, hang), running_gateway(socket) as gateway:
        waiting = asyncio.create_task(gateway.call("POST", CHAT_PATH, CHAT))
        await until(lambda: gateway.services.limiter.running == 1)
        await pass_seconds(gateway, 301)
        gateway.services.process = gateway.services.process.model_copy(update={"linger_seconds": 0})
        async with asyncio.timeout(30):
            drained = await call(create_admin(gateway.services), "POST", "/drain", client="127.0.0.1")
        waiting.cancel()

    assert drained.json()["running"] == 1
