"""The gateway's housekeeping of each second continues when one of its tasks fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fairlead_gateway import __main__ as gateway_program
from tests.gateway.scripted import ScriptedEngine, answer, whole
from tests.gateway.wire import running_gateway, until


class Looked:
    """Counts how often its time is looked at; maybe fails each time."""

    def __init__(self, fails: bool) -> None:
        self.looks, self._fails = 0, fails

    def tick(self, now: float) -> None:
        self.looks += 1
        if self._fails:
            raise RuntimeError("boom")


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_program, "HOUSEKEEPING_SECONDS", 0.01)


@pytest.mark.usefixtures("fast")
async def test_a_failing_request_is_logged_and_housekeeping_continues_for_the_others(
    socket: Path, caplog: pytest.LogCaptureFixture
) -> None:
    faulty, sound = Looked(fails=True), [Looked(fails=False) for _ in range(5)]
    async with running_gateway(socket) as gateway:
        gateway.services.active.update([faulty, *sound])
        task = asyncio.create_task(gateway_program.run_housekeeping(gateway.services))
        await until(lambda: all(other.looks >= 2 for other in sound))
        task.cancel()

    assert faulty.looks == 1
    assert "boom" in caplog.text


@pytest.mark.usefixtures("fast")
async def test_a_failed_housekeeping_task_runs_again(
    socket: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    faulty = Looked(fails=True)
    async with running_gateway(socket) as gateway:
        monkeypatch.setattr(gateway.services, "sweep", lambda: faulty.tick(0))
        task = asyncio.create_task(gateway_program.run_housekeeping(gateway.services))
        await until(lambda: faulty.looks >= 2)
        task.cancel()

    assert "boom" in caplog.text


HEALTHY = answer(whole("200 OK", b""))
MODELS = answer(whole("200 OK", b'{"data": [{"id": "tiny", "max_model_len": 512}]}'))


@pytest.mark.usefixtures("fast")
async def test_the_context_length_is_learned_once_the_engine_is_healthy(socket: Path) -> None:
    starting = answer(whole("503 Service Unavailable", b""))
    async with ScriptedEngine(socket, starting, HEALTHY, MODELS), running_gateway(socket) as gateway:
        async with asyncio.timeout(60):
            await gateway_program.query_engine(gateway.services)

    assert gateway.services.policy.engine.context_length == 512


@pytest.mark.usefixtures("fast")
async def test_an_unreadable_model_list_is_logged_and_requested_again(
    socket: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scripts = HEALTHY, answer(whole("200 OK", b'{"data": [1]}')), HEALTHY, MODELS
    async with ScriptedEngine(socket, *scripts), running_gateway(socket) as gateway:
        async with asyncio.timeout(60):
            await gateway_program.query_engine(gateway.services)

    assert gateway.services.policy.engine.context_length == 512
    assert "the engine's context length is not known yet" in caplog.text
