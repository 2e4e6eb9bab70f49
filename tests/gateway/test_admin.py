"""The admin port, called in-process; the test writes the engine's state file itself, and time is its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from fairlead_contract.gateway_settings import GatewaySettings
from fairlead_gateway import drain
from fairlead_gateway.admin import create_admin
from fairlead_gateway.admission.keys import KeyRing
from fairlead_gateway.gateway_context import GatewayContext
from fairlead_gateway.settings import ProcessSettings
from fairlead_gateway.upstream.pool import EnginePool
from tests.gateway.asgi import Answer, call
from tests.gateway.scripted import ScriptedEngine, answer, whole
from tests.gateway.wire import until

FIRST_START, SECOND_START = 1.0, 2.0
MODELS = b'{"data": [{"id": "tiny", "max_model_len": 512}]}'


@pytest.fixture
def process() -> Iterator[ProcessSettings]:
    with TemporaryDirectory(prefix="fairlead-") as folder:
        yield ProcessSettings(run_dir=Path(folder), linger_seconds=0)


@pytest.fixture
async def services(process: ProcessSettings) -> AsyncIterator[GatewayContext]:
    engine = EnginePool(str(process.engine_socket))
    settings = GatewaySettings.model_validate({"model": {"servedName": "tiny"}})
    async with ScriptedEngine(process.engine_socket, answer(whole("200 OK", MODELS))):
        yield GatewayContext(settings, KeyRing.parse({"bad": b"?"}), process, engine)
        engine.close()


@pytest.fixture
async def admin(services: GatewayContext) -> FastAPI:
    """The admin port of a gateway that has asked its engine."""
    await services.query_engine()
    return create_admin(services)


class Clock:
    """Time that passes only when the test says so, and how often it was read."""

    def __init__(self) -> None:
        self.now, self.reads = 1000.0, 0

    def __call__(self) -> float:
        self.reads += 1
        return self.now

    async def pass_time(self, seconds: float) -> None:
        """Returns when the drain, which looks at the time again and again, has seen the new one."""
        self.now += seconds
        before = self.reads
        await until(lambda: self.reads > before)


@pytest.fixture
def clock(services: GatewayContext, monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(drain, "_LOOK_AGAIN_SECONDS", 0.01)
    services.clock = Clock()
    return services.clock


async def drain_from_pod(admin: FastAPI) -> Answer:
    """What the engine container's `preStop` hook asks for."""
    return await call(admin, "POST", "/drain", client="127.0.0.1")


async def readiness(admin: FastAPI) -> tuple[int, str]:
    """Status of the readiness probe, and the reason that it names."""
    result = await call(admin, "GET", "/readyz")
    return result.status, result.json()["reason"]


def start_engine(process: ProcessSettings, started_at: float) -> None:
    process.engine_state.write_text(json.dumps({"phase": "Running", "startedAt": started_at}))


async def test_a_drained_pod_is_not_ready_although_its_engine_is_healthy(
    admin: FastAPI, process: ProcessSettings
) -> None:
    start_engine(process, FIRST_START)
    await drain_from_pod(admin)
    assert await readiness(admin) == (503, "Draining")


async def test_a_drained_pod_whose_engine_restarted_is_ready_again(
    admin: FastAPI, process: ProcessSettings, services: GatewayContext
) -> None:
    start_engine(process, FIRST_START)
    await drain_from_pod(admin)
    start_engine(process, SECOND_START)
    await until(lambda: not services.limiter.draining)
    assert await readiness(admin) == (200, "Ready")


def longest_drain(services: GatewayContext) -> float:
    """Seconds after which a drain that nothing followed is over."""
    return services.settings.drain_timeout_seconds + drain.COME_BACK_SECONDS


async def test_a_drained_pod_that_is_not_deleted_becomes_ready_again(
    admin: FastAPI, services: GatewayContext, clock: Clock
) -> None:
    await drain_from_pod(admin)
    await clock.pass_time(longest_drain(services))
    assert await readiness(admin) == (200, "Ready")


async def test_a_drained_pod_stays_unready_while_it_may_still_be_stopped(
    admin: FastAPI, services: GatewayContext, clock: Clock
) -> None:
    await drain_from_pod(admin)
    await clock.pass_time(longest_drain(services) - 1)
    assert await readiness(admin) == (503, "Draining")


async def test_a_repeated_drain_request_extends_the_drain(
    admin: FastAPI, services: GatewayContext, clock: Clock
) -> None:
    await drain_from_pod(admin)
    await clock.pass_time(longest_drain(services) - 1)
    await drain_from_pod(admin)
    await clock.pass_time(longest_drain(services) - 1)
    assert await readiness(admin) == (503, "Draining")


async def test_a_gateway_after_sigterm_does_not_become_ready_again(
    admin: FastAPI, services: GatewayContext, clock: Clock
) -> None:
    await drain_from_pod(admin)
    services.limiter.stopping = True
    await clock.pass_time(longest_drain(services))
    assert await readiness(admin) == (503, "Draining")


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "127.0.0.6", "fd00::1", "::ffff:10.1.2.3", "client", "127.0.0.1.example.org"]
)
async def test_a_drain_request_from_outside_the_pod_is_refused(admin: FastAPI, address: str) -> None:
    refused = await call(admin, "POST", "/drain", client=address)
    assert refused.status == 403
    assert "Only the pod itself" in refused.json()["message"]
    assert (await readiness(admin))[0] == 200


async def test_a_forwarded_header_does_not_make_a_client_count_as_the_pod(admin: FastAPI) -> None:
    headers = {"x_forwarded_for": "127.0.0.1", "forwarded": "for=127.0.0.1", "x_real_ip": "127.0.0.1"}
    assert (await call(admin, "POST", "/drain", client="10.1.2.3", **headers)).status == 403


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
async def test_every_address_of_the_pod_may_drain_it(admin: FastAPI, address: str) -> None:
    assert (await call(admin, "POST", "/drain", client=address)).status == 200
    assert (await readiness(admin))[0] == 503


def observed(services: GatewayContext) -> dict[str, Any]:
    """All of a gateway that a request to its admin port could change."""
    return {
        "gate": {name: value for name, value in vars(services.limiter).items() if not name.startswith("_")},
        "demand": services.demand.report(),
        "settings": services.settings,
        "policy": services.policy,
        "engine asked": services.engine_queried,
        "problems": services.problems,
        "metrics": list(services.telemetry.families()),
    }


@pytest.mark.parametrize("drained", [False, True])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_a_safe_method_changes_no_state(
    services: GatewayContext,
    process: ProcessSettings,
    method: str,
    drained: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Its engine is healthy, and was not asked yet.
    admin = create_admin(services)
    # Longer than the test: nothing else may change state meanwhile.
    monkeypatch.setattr(drain, "_LOOK_AGAIN_SECONDS", 3600)
    start_engine(process, FIRST_START)
    if drained:
        await drain_from_pod(admin)
        # What ends the drain. The drain itself has to notice it, not a probe.
        start_engine(process, SECOND_START)
    paths = [route.path for route in admin.routes if isinstance(route, APIRoute)]
    assert "/drain" in paths
    for path in paths:
        before = observed(services)
        await call(admin, method, path, client="127.0.0.1")
        assert (path, observed(services)) == (path, before)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_a_drain_is_requested_by_post(admin: FastAPI, method: str) -> None:
    refused = await call(admin, method, "/drain", client="127.0.0.1")
    assert (refused.status, refused.headers["allow"]) == (405, "POST")


async def test_readiness_waits_for_the_context_length(services: GatewayContext) -> None:
    admin = create_admin(services)
    assert await readiness(admin) == (503, "EngineNotReady")
    assert (await call(admin, "GET", "/status")).json()["ready"] is False

    await services.query_engine()
    assert await readiness(admin) == (200, "Ready")
    assert services.policy.engine.context_length == 512


async def test_an_engine_that_has_rendered_no_prompt_is_not_ready(
    admin: FastAPI, process: ProcessSettings
) -> None:
    process.engine_state.write_text(json.dumps({"phase": "Running", "promptRendered": False}))
    assert await readiness(admin) == (503, "EngineNotReady")
    assert (await call(admin, "GET", "/status")).json()["ready"] is False

    process.engine_state.write_text(json.dumps({"phase": "Running", "promptRendered": True}))
    assert await readiness(admin) == (200, "Ready")
    assert (await call(admin, "GET", "/status")).json()["ready"] is True


async def test_an_engine_without_the_launcher_is_ready_when_it_is_healthy(admin: FastAPI) -> None:
    assert await readiness(admin) == (200, "Ready")


async def test_readiness_reports_problems_of_settings_and_keys(admin: FastAPI) -> None:
    problems = (await call(admin, "GET", "/readyz")).json()["problems"]
    assert len(problems) == 1
    assert "'bad'" in problems[0]


async def test_metrics_contain_those_of_the_gateway_and_of_the_engine(
    admin: FastAPI, services: GatewayContext
) -> None:
    services.telemetry.count_request("chat", 200, 0.2, "alice")
    text = (await call(admin, "GET", "/metrics")).body.decode()
    labels = 'endpoint="chat",key="alice",model="tiny",namespace="",status="200"'
    assert f"fairlead_gateway_requests_total{{{labels}}} 1.0" in text
    labels = 'endpoint="chat",le="0.25",model="tiny",namespace=""'
    assert f"fairlead_gateway_request_duration_seconds_bucket{{{labels}}} 1.0" in text
    assert text.endswith(MODELS.decode())  # whatever the engine answers to /metrics


async def test_the_status_contains_load_engine_and_weights(
    admin: FastAPI, services: GatewayContext, process: ProcessSettings
) -> None:
    start_engine(process, FIRST_START)
    weights = {"phase": "Complete", "bytes": 7, "totalBytes": 7}
    process.weights_state.write_text(json.dumps(weights))
    services.limiter.running = 3

    assert (await call(admin, "GET", "/status")).json() == {
        "inFlight": 3,
        "queued": 0,
        "draining": False,
        "drained": False,
        "ready": True,
        "engine": {"phase": "Running", "startedAt": FIRST_START},
        "weights": weights,
        "unresponsiveSeconds": 0.0,
    }


@pytest.mark.parametrize("content", [None, "", "{", "[]"])
async def test_the_status_of_a_starting_pod_has_no_engine_and_no_weights(
    admin: FastAPI, process: ProcessSettings, content: str | None
) -> None:
    if content is not None:
        process.weights_state.write_text(content)
    document = (await call(admin, "GET", "/status")).json()
    assert (document["engine"], document["weights"]) == (None, None)


async def test_the_status_shows_a_drain_and_its_end(admin: FastAPI, services: GatewayContext) -> None:
    async def status() -> tuple[bool, bool, bool]:
        body = (await call(admin, "GET", "/status")).json()
        return body["draining"], body["drained"], body["ready"]

    services.limiter.running = 1
    draining = asyncio.create_task(drain_from_pod(admin))
    await until(lambda: services.limiter.draining)
    assert await status() == (True, False, False)

    services.limiter.leave(0)
    await draining
    assert await status() == (True, True, False)


async def test_a_pod_that_is_ready_again_is_not_reported_as_drained(
    admin: FastAPI, services: GatewayContext, clock: Clock
) -> None:
    await drain_from_pod(admin)
    await clock.pass_time(longest_drain(services))
    assert (await call(admin, "GET", "/status")).json()["drained"] is False
