"""A crash of an engine that is ready again: a status field, an Event and a counter, each once."""

from __future__ import annotations

import json

import pytest

from fairlead_operator.kube.resources import EVENT, MODEL_DEPLOYMENT
from tests.controller.cluster import ModelNamespace
from tests.controller.conftest import Start
from tests.controller.node import FakeKubelet
from tests.controller.operator_process import OperatorProcess
from tests.kube.support import ControlPlane, Object, eventually

pytestmark = pytest.mark.apiserver

CRASH = json.dumps({"reason": "EngineCrashed", "message": "Worker proc died", "exitCode": 1})
COUNTER = r"fairlead_model_failures_total\{"


async def serve(cluster: ModelNamespace, node: FakeKubelet) -> None:
    """A model that is Ready, as its operator has written it."""
    await cluster.create()
    await node.ready()
    await cluster.await_condition("Ready", "True", "Ready")


async def failure(cluster: ModelNamespace, exit_code: int = 1) -> Object:
    """status.lastFailure, once it is about an end with this code."""

    async def reported() -> Object | None:
        body = await cluster.kube.get(MODEL_DEPLOYMENT, cluster.namespace, "tiny")
        found: Object = body["status"].get("lastFailure") or {}
        return found if found.get("exitCode") == exit_code else None

    found = await eventually("the failure in the status", reported)
    assert found is not None
    return found


async def events(cluster: ModelNamespace, reason: str) -> list[Object]:
    """Warnings of this reason about the model."""
    found = await cluster.kube.list(EVENT, cluster.namespace)
    return [
        event
        for event in found
        if (event["type"], event["reason"]) == ("Warning", reason)
        and event["regarding"]["kind"] == "ModelDeployment"
    ]


async def test_a_crash_is_reported_in_status_event_and_counter(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet, control_plane: ControlPlane
) -> None:
    await serve(cluster, node)
    await node.crashed_and_ready_again(CRASH)
    found = await failure(cluster)
    assert (found["reason"], found["message"]) == ("EngineCrashed", "Worker proc died")
    assert found["pod"] == (await node.pod())["metadata"]["name"]
    await cluster.await_condition("Ready", "True", "Ready")
    status = (await cluster.kube.get(MODEL_DEPLOYMENT, cluster.namespace, "tiny"))["status"]
    assert status["restarts"] == 1
    table = control_plane.kubectl("get", "-n", cluster.namespace, "mdep", "-o", "wide").splitlines()
    assert table[0].split()[5:8] == ["RESTARTS", "LAST", "FAILURE"]
    assert table[1].split()[5:7] == ["1", "EngineCrashed"]
    (event,) = await events(cluster, "EngineCrashed")
    assert "Worker proc died" in event["note"]
    labels = COUNTER + f'.*model="tiny",namespace="{cluster.namespace}"'
    assert await operator.metric(COUNTER) == await operator.metric(labels) == 1


async def test_one_crash_is_counted_once_and_causes_no_further_writes(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet, start_operator: Start
) -> None:
    await serve(cluster, node)
    await node.crashed_and_ready_again(CRASH)
    await failure(cluster)
    await operator.quiet()
    before, writes = await cluster.versions(), await operator.writes()
    looks = await operator.metric("reconcile_total")
    annotation = {"metadata": {"annotations": {"touched": "yes"}}}
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", annotation)

    async def looked_again() -> bool:
        return await operator.metric("reconcile_total") > looks

    await eventually("another look", looked_again)
    await operator.quiet()
    assert (await operator.metric(COUNTER), await operator.writes()) == (1, writes)
    assert await operator.stop() == 0
    again = start_operator("operator-1")
    await again.quiet()
    assert (await again.metric(COUNTER), await again.writes()) == (0, 0)
    del before["ModelDeployment/tiny"]
    assert before.items() <= (await cluster.versions()).items()
    assert len(await events(cluster, "EngineCrashed")) == 1


async def test_a_crash_while_no_operator_ran_is_reported_by_the_next(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet, start_operator: Start
) -> None:
    await serve(cluster, node)
    assert await operator.stop() == 0
    await node.crashed_and_ready_again("", 137)
    again = start_operator("operator-1")
    assert "SIGKILL" in (await failure(cluster, 137))["message"]

    async def counted() -> bool:
        return await again.metric(COUNTER) == 1

    await eventually("the count", counted)
    assert len(await events(cluster, "CrashLoop")) == 1


async def test_the_failure_counters_of_a_deleted_model_are_removed(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet, control_plane: ControlPlane
) -> None:
    await serve(cluster, node)
    await node.crashed_and_ready_again(CRASH)
    await failure(cluster)

    async def counts(number: int) -> bool:
        return await operator.metric(COUNTER) == number

    await eventually("the count", lambda: counts(1))
    control_plane.kubectl("delete", "-n", cluster.namespace, "modeldeployment/tiny")
    await eventually("the end of the count", lambda: counts(0))
