"""The admin port's view of a drain, called in-process; the test writes the engine's state file itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from starlette.types import ASGIApp

from fairlead_gateway.admin import create_admin
from fairlead_gateway.admission.gate import Gate
from fairlead_gateway.serving import Services
from fairlead_gateway.settings import GatewaySettings, ProcessSettings
from fairlead_gateway.telemetry import Telemetry
from fairlead_gateway.upstream.client import EngineClient
from tests.gateway.asgi import call
from tests.gateway.scripted import ScriptedEngine, answer, whole

FIRST_START, SECOND_START = 1.0, 2.0


@pytest.fixture
def process() -> Iterator[ProcessSettings]:
    with TemporaryDirectory(prefix="fairlead-") as folder:
        yield ProcessSettings(run_dir=Path(folder), linger_seconds=0)


@pytest.fixture
async def admin(process: ProcessSettings) -> AsyncIterator[ASGIApp]:
    gate = Gate()
    client = EngineClient(str(process.engine_socket))
    settings = GatewaySettings.model_validate({"model": {"servedName": "tiny"}})
    async with ScriptedEngine(process.engine_socket, answer(whole("200 OK", b""))):
        yield create_admin(Services(settings, client, gate, Telemetry(gate)), process)
        await client.close()


def start_engine(process: ProcessSettings, started_at: float) -> None:
    process.engine_state.write_text(json.dumps({"phase": "Running", "startedAt": started_at}))


async def test_a_drained_pod_is_not_ready_although_its_engine_is(
    admin: ASGIApp, process: ProcessSettings
) -> None:
    start_engine(process, FIRST_START)
    await call(admin, "GET", "/drain")
    result = await call(admin, "GET", "/readyz")
    assert (result.status, result.json()["reason"]) == (503, "Draining")


async def test_an_engine_that_was_restarted_in_its_pod_is_ready_again(
    admin: ASGIApp, process: ProcessSettings
) -> None:
    start_engine(process, FIRST_START)
    await call(admin, "GET", "/drain")
    start_engine(process, SECOND_START)
    assert (await call(admin, "GET", "/readyz")).status == 200
