"""The admin port, called in-process; the test writes the engine's state file itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from starlette.types import ASGIApp

from fairlead_gateway.admin import create_admin
from fairlead_gateway.admission.keys import KeyRing
from fairlead_gateway.services import Services
from fairlead_gateway.settings import GatewaySettings, ProcessSettings
from fairlead_gateway.upstream.pool import EnginePool
from tests.gateway.asgi import call
from tests.gateway.scripted import ScriptedEngine, answer, whole

FIRST_START, SECOND_START = 1.0, 2.0
MODELS = b'{"data": [{"id": "tiny", "max_model_len": 512}]}'


@pytest.fixture
def process() -> Iterator[ProcessSettings]:
    with TemporaryDirectory(prefix="fairlead-") as folder:
        yield ProcessSettings(run_dir=Path(folder), linger_seconds=0)


@pytest.fixture
async def services(process: ProcessSettings) -> AsyncIterator[Services]:
    engine = EnginePool(str(process.engine_socket))
    settings = GatewaySettings.model_validate({"model": {"servedName": "tiny"}})
    async with ScriptedEngine(process.engine_socket, answer(whole("200 OK", MODELS))):
        yield Services(settings, KeyRing.parse({"bad": b"?"}), process, engine)
        engine.close()


@pytest.fixture
def admin(services: Services) -> ASGIApp:
    return create_admin(services)


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


async def test_a_ready_gateway_knows_the_context_length(admin: ASGIApp, services: Services) -> None:
    await call(admin, "GET", "/readyz")
    assert services.policy.engine.context_length == 512


async def test_readiness_names_what_is_wrong_with_settings_and_keys(admin: ASGIApp) -> None:
    problems = (await call(admin, "GET", "/readyz")).json()["problems"]
    assert len(problems) == 1
    assert "'bad'" in problems[0]


async def test_metrics_are_the_gateways_and_the_engines(admin: ASGIApp, services: Services) -> None:
    services.telemetry.count_request("chat", 200, 0.2, "alice")
    text = (await call(admin, "GET", "/metrics")).body.decode()
    assert 'fairlead_gateway_requests_total{endpoint="chat",key="alice",status="200"} 1.0' in text
    assert 'fairlead_gateway_request_duration_seconds_bucket{endpoint="chat",le="0.25"} 1.0' in text
    assert text.endswith(MODELS.decode())  # whatever the engine answers to /metrics


async def test_the_status_tells_load_engine_and_weights_in_one_answer(
    admin: ASGIApp, services: Services, process: ProcessSettings
) -> None:
    start_engine(process, FIRST_START)
    weights = {"phase": "Complete", "bytes": 7, "totalBytes": 7}
    process.weights_state.write_text(json.dumps(weights))
    services.gate.running = 3

    assert (await call(admin, "GET", "/status")).json() == {
        "inFlight": 3,
        "queued": 0,
        "draining": False,
        "ready": True,
        "engine": {"phase": "Running", "startedAt": FIRST_START},
        "weights": weights,
        "unresponsiveSeconds": 0.0,
    }


@pytest.mark.parametrize("content", [None, "", "{", "[]"])
async def test_the_status_of_a_pod_that_begins_has_no_engine_and_no_weights(
    admin: ASGIApp, process: ProcessSettings, content: str | None
) -> None:
    if content is not None:
        process.weights_state.write_text(content)
    told = (await call(admin, "GET", "/status")).json()
    assert (told["engine"], told["weights"]) == (None, None)


async def test_the_status_says_that_a_pod_drains(admin: ASGIApp, process: ProcessSettings) -> None:
    start_engine(process, FIRST_START)
    await call(admin, "GET", "/drain")
    told = (await call(admin, "GET", "/status")).json()
    assert (told["draining"], told["ready"]) == (True, False)
