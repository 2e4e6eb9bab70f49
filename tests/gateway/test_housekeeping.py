"""What the gateway does once a second goes on whatever happens to one of its chores."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fairlead_gateway import __main__ as gateway_program
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
async def test_a_request_that_fails_is_told_and_the_others_are_looked_after(
    socket: Path, caplog: pytest.LogCaptureFixture
) -> None:
    faulty, sound = Looked(fails=True), [Looked(fails=False) for _ in range(5)]
    async with running_gateway(socket) as gateway:
        gateway.services.active.update([faulty, *sound])
        house = asyncio.create_task(gateway_program.run_housekeeping(gateway.services))
        await until(lambda: all(other.looks >= 2 for other in sound))
        house.cancel()

    assert faulty.looks == 1
    assert "boom" in caplog.text


@pytest.mark.usefixtures("fast")
async def test_a_chore_that_fails_is_done_again(
    socket: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    faulty = Looked(fails=True)
    async with running_gateway(socket) as gateway:
        monkeypatch.setattr(gateway.services, "sweep", lambda: faulty.tick(0))
        house = asyncio.create_task(gateway_program.run_housekeeping(gateway.services))
        await until(lambda: faulty.looks >= 2)
        house.cancel()

    assert "boom" in caplog.text
