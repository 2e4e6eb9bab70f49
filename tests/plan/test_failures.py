"""A crash stays visible when the model is Ready again. A requested termination is not a crash."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from typing import Any

import pytest

from fairlead_operator.api.status import ModelDeploymentStatus
from fairlead_operator.bounds import MODEL_FAILURES
from fairlead_operator.plan.pods.failures import count_restarts, observed_failures
from tests.plan.builders import (
    NOW,
    Object,
    PlannedNamespace,
    condition,
    desired_revision,
    ended,
    pod,
    running,
)

CRASH = json.dumps({"reason": "EngineCrashed", "message": "Worker proc died", "exitCode": 1})


def crashed(message: str = CRASH, code: int = 1, minute: int = 0, **more: Any) -> Object:
    """A container that ended at that minute of the hour and runs again."""
    end = ended(message, code, finishedAt=f"2026-01-01T11:{minute:02}:30Z", **more)
    return running(started=True, ready=True, lastState=end, restartCount=1)


def serving(world: PlannedNamespace, *engines: Object, **status: Any) -> list[Object]:
    """Pods of the current revision that serve, with these engines."""
    revision = desired_revision(world.deployment())
    return [
        pod(f"tiny-{number}", revision=revision, ready=True, engine=engine, **status)
        for number, engine in enumerate(engines)
    ]


def after(engine: Object) -> PlannedNamespace:
    """A model that serves, and whose engine looks like this later."""
    world = PlannedNamespace()
    world.serve()
    world.roll(serving(world, engine))
    world.reconcile()
    return world


def test_a_crash_stays_in_the_status_when_the_model_is_ready_again() -> None:
    world = after(crashed())
    assert world.condition("Ready")["status"] == "True"
    assert world.body["status"]["lastFailure"] == {
        "time": "2026-01-01T11:00:30Z",
        "pod": "tiny-0",
        "container": "vllm",
        "reason": "EngineCrashed",
        "message": "Worker proc died",
        "exitCode": 1,
    }
    assert world.body["status"]["restarts"] == 1


def test_a_kill_without_a_message_names_the_signal() -> None:
    failure = after(crashed("", 137)).body["status"]["lastFailure"]
    assert (failure["exitCode"], "137 (SIGKILL)" in failure["message"]) == (137, True)


def test_an_out_of_memory_kill_names_the_limit_and_its_field() -> None:
    world = PlannedNamespace()
    world.serve()
    pods = serving(world, crashed("", 137, reason="OOMKilled"))
    pods[0]["spec"]["containers"] = [{"name": "vllm", "resources": {"limits": {"memory": "16Gi"}}}]
    world.roll(pods)
    world.reconcile()
    failure = world.body["status"]["lastFailure"]
    assert failure["reason"] == "HostOutOfMemory"
    assert "limit of 16Gi (spec.resources.limits.memory)" in failure["message"]


def test_the_last_failure_causes_no_further_writes() -> None:
    world = after(crashed())
    settled = world.plan(NOW + timedelta(hours=1))
    assert (settled.status, settled.events) == (world.body["status"], ())


def test_the_last_failure_stays_after_its_pod_is_deleted_until_a_newer_one() -> None:
    world = after(crashed(minute=1))
    first = world.body["status"]["lastFailure"]
    world.roll(serving(world, running()))
    world.reconcile()
    assert (world.body["status"]["lastFailure"], world.body["status"]["restarts"]) == (first, 0)
    world.roll(serving(world, running(), crashed(minute=2)))
    world.reconcile()
    assert world.body["status"]["lastFailure"]["time"] == "2026-01-01T11:02:30Z"


def test_an_older_failure_of_another_pod_does_not_replace_the_last_failure() -> None:
    world = after(crashed(minute=5))
    world.roll(serving(world, crashed(minute=5), crashed(minute=4)))
    world.reconcile()
    assert world.body["status"]["lastFailure"]["pod"] == "tiny-0"


def test_a_model_that_never_failed_has_no_last_failure() -> None:
    world = PlannedNamespace()
    world.serve()
    assert "lastFailure" not in world.body["status"]


def leaving(body: Object) -> Object:
    body["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    return body


STOPPED = {"state": ended('{"reason": "EngineUnresponsive", "message": "stopped"}', 143)}
DISRUPTED = [condition("DisruptionTarget", "True", reason="EvictionByEvictionAPI")]


@pytest.mark.parametrize(
    "body",
    [
        leaving(pod(engine=STOPPED)),
        leaving(pod(engine={"state": ended("", 137)})),
        pod(engine=STOPPED, conditions=DISRUPTED),
        pod(phase="Failed", reason="Terminated", message="node shutdown", engine=STOPPED),
        leaving(pod(phase="Failed", engine=STOPPED)),
        pod(gateway={"name": "setup", "state": ended("", 0)}),
    ],
    ids=[
        "deleted",
        "killed while draining",
        "drained node",
        "node shutdown",
        "deleted and over",
        "setup done",
    ],
)
def test_a_requested_termination_is_not_a_failure(body: Object) -> None:
    assert observed_failures([body]) == ()


@pytest.mark.parametrize(
    ("body", "container", "reason"),
    [
        (pod(engine={"state": ended(CRASH)}), "vllm", "EngineCrashed"),
        (pod(engine=STOPPED), "vllm", "EngineUnresponsive"),
        (pod(engine={"state": ended(CRASH, 0)}), "vllm", "EngineCrashed"),
        (pod(gateway={"state": ended("boom", 2)}), "gateway", "GatewayFailed"),
        (pod(gateway={"name": "weights", "state": ended("boom")}), "weights", "WeightsDownloadFailed"),
        (pod(engine={"name": "metrics", "state": ended("boom")}), "metrics", "ContainerFailed"),
        (pod(phase="Failed", reason="Evicted", message="low on memory"), "", "Evicted"),
        (leaving(pod(engine=crashed())), "vllm", "EngineCrashed"),
    ],
)
def test_an_unrequested_termination_is_a_failure(body: Object, container: str, reason: str) -> None:
    (failure,) = observed_failures([body])
    assert (failure.container, failure.reason) == (container, reason)


def test_the_last_two_terminations_of_a_container_are_two_failures() -> None:
    engine = {"state": ended(CRASH), "lastState": ended(CRASH, finishedAt="2026-01-01T11:50:00Z")}
    assert len({failure.identity for failure in observed_failures([pod(engine=engine)])}) == 2


def test_restarts_are_summed_over_containers_of_remaining_pods() -> None:
    body = pod(engine=running(restartCount=2), gateway=running(restartCount=1))
    gone = leaving(copy.deepcopy(body))
    assert count_restarts([body, gone]) == 3


def test_failures_are_bounded_and_fit_into_the_schema() -> None:
    container = {"name": "x" * 63, "state": ended("\x1b" + "y" * 8000, 2**31 - 1)}
    bodies = [pod(f"{'p' * 240}-{number}", containerStatuses=[container] * 64) for number in range(20)]
    failures = observed_failures(bodies)
    assert len(failures) == MODEL_FAILURES
    status = ModelDeploymentStatus.model_validate({"lastFailure": failures[-1].status})
    assert status.last_failure is not None
    assert len(status.last_failure.message) < 1024


@pytest.mark.parametrize("time", [None, "", "soon", "0001-01-01T00:00:00Z"])
def test_a_termination_with_an_invalid_time_raises_no_error(time: Any) -> None:
    end = ended(CRASH, finishedAt=time)
    after({"state": end, "restartCount": 1})
