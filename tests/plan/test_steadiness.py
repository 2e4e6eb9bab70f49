"""A cause that stays has one reason and one message, in whatever state its container is at the moment."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from fairlead_contract.status import PodReport
from tests.plan.builders import (
    NOW,
    Object,
    PlannedNamespace,
    desired_revision,
    ended,
    pod,
    pod_report,
    running,
    waiting,
)

TEXTS = [
    json.dumps({"reason": "EngineCrashed", "message": "Worker proc died"}),
    json.dumps({"reason": "HostOutOfMemory", "message": "killed"}),
    "Traceback: boom",
    "",
]
REACHED: Object = {"engine": running(started=True, ready=True), "gateway": running(started=True, ready=True)}
WAITS: Object = {"engine": waiting("PodInitializing")}


def walk(message: str, code: int = 1, **more: str) -> list[Object]:
    """The states of a container that fails twice."""
    end = ended(message, code, **more)
    again: Object = {"lastState": end}
    return [
        running(),
        {"state": end, "restartCount": 0},
        waiting("CrashLoopBackOff", "back-off 10s restarting failed container", restartCount=1, **again),
        running(restartCount=1, started=False, ready=False, **again),
        {"state": end, "restartCount": 1, **again},
        waiting("CrashLoopBackOff", "back-off 20s restarting failed container", restartCount=2, **again),
        running(restartCount=2, started=False, ready=False, **again),
    ]


def body_of(container: str, state: Object, revision: str) -> Object:
    """A pod of which one container is in this state and the others are as far as they can be."""
    if container == "vllm":
        return pod(revision=revision, engine=state, gateway=running(started=True))
    if container == "gateway":
        # Nothing probes the start of a sidecar: it counts as started as soon as it runs.
        return pod(revision=revision, gateway={"started": "running" in state["state"], **state}, **WAITS)
    init = container in ("weights", "setup")
    body = pod(revision=revision, **(WAITS if init else REACHED))
    kind = "initContainerStatuses" if init else "containerStatuses"
    body["status"][kind].append({"name": container, "image": "x", **state, "ready": False})
    return body


def rows_of(
    container: str, states: list[Object], reports: list[PodReport | None] | None = None
) -> list[Object]:
    """The condition Ready after each state, each once while it holds."""
    world = PlannedNamespace()
    world.reconcile()
    revision = desired_revision(world.deployment())
    seen: list[Object] = []
    for number, state in enumerate(states):
        world.roll([body_of(container, state, revision)])
        report = reports[number] if reports else None
        world.reports = {"tiny-1": report} if report else {}
        world.reconcile(NOW + timedelta(seconds=10 * number))
        ready = world.condition("Ready")
        row = {"reason": ready["reason"], "message": ready["message"]}
        if not seen or seen[-1] != row:
            seen.append(row)
    return seen


@pytest.mark.parametrize("message", TEXTS)
@pytest.mark.parametrize("container", ["vllm", "gateway", "weights", "setup", "metrics"])
def test_a_repeatedly_failing_container_keeps_one_message(container: str, message: str) -> None:
    rows = rows_of(container, walk(message))
    assert len(rows) <= 2, rows
    assert rows[-1]["reason"] not in ("Progressing", "EngineStarting", "ContainerNotReady"), rows


@pytest.mark.parametrize("reason", ["StartError", "ContainerCannotRun"])
def test_a_container_that_cannot_be_started_keeps_one_message(reason: str) -> None:
    states = [waiting("RunContainerError"), *walk("", 128, reason=reason)[1:]]
    assert [row["reason"] for row in rows_of("vllm", states)] == ["ContainerStartFailed"]


def test_an_image_that_cannot_be_pulled_keeps_its_cause_between_two_attempts() -> None:
    refused = waiting("ErrImagePull", "vllm:1: not found")
    # What older kubelets say.
    between = waiting("ImagePullBackOff", 'Back-off pulling image "vllm:1"')
    rows = rows_of("vllm", [refused, between, refused, between, between])
    assert [row["reason"] for row in rows] == ["ImageNotFound"]
    assert [row["reason"] for row in rows_of("vllm", [between])] == ["ImagePullFailed"]


def test_a_download_that_alternates_between_retry_and_failure_keeps_one_message() -> None:
    cause = {"reason": "WeightsRateLimited", "message": "hub answered 429"}

    def retrying(seconds: int) -> PodReport:
        message = f"{cause['message']} (next try in {seconds} s)"
        return pod_report(weights={"phase": "Downloading", "cause": {**cause, "message": message}})

    states = walk(json.dumps({**cause, "exitCode": 1}))
    reports = [retrying(5), None, None, retrying(9), None, None, retrying(40)]
    rows = rows_of("weights", states, reports)
    assert len(rows) == 1, rows
    assert "hub answered 429 (pod tiny-1)" in rows[0]["message"]


def test_a_sidecar_that_failed_long_ago_does_not_hide_why_the_engine_is_not_ready() -> None:
    old = running(started=True, ready=True, restartCount=1, lastState=ended("old"))
    body = pod(gateway=old, engine=running(lastState=ended("boom"), restartCount=1))
    body["status"]["initContainerStatuses"].append({"name": "proxy", "image": "x", **old})
    world = PlannedNamespace()
    world.reconcile()
    body["metadata"]["annotations"] = {
        **body["metadata"]["annotations"],
        **pod(revision=desired_revision(world.deployment()))["metadata"]["annotations"],
    }
    world.roll([body])
    world.reconcile()
    assert world.condition("Ready")["reason"] == "EngineCrashed"
