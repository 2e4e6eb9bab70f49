"""Another writer insists on a field: the operator leaves it, names the writer, and tries again later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fairlead_operator.bounds import CONTEST_PAUSE_SECONDS, CONTEST_REPAIRS, CONTEST_WINDOW_SECONDS
from fairlead_operator.controller.autoscaling_loop import AutoscalingLoop
from fairlead_operator.controller.child_index import ChildIndex
from fairlead_operator.controller.reconciler import Reconciler
from fairlead_operator.kube.events import EventRecorder
from fairlead_operator.kube.resources import DEPLOYMENT, EVENT, MODEL_DEPLOYMENT, SERVICE
from tests.controller.cluster import ModelNamespace
from tests.controller.killed import SETTINGS, Loads
from tests.controller.metrics_api import running_metrics_api
from tests.controller.operator_process import OperatorProcess
from tests.controller.test_external_scaling import AUTOSCALER, HPA, TURNS_SECONDS
from tests.kube.support import Object, eventually
from tests.support.control_plane import ControlPlane

pytestmark = pytest.mark.apiserver


class Operator:
    """An operator in this process, whose clock the test moves."""

    def __init__(self, cluster: ModelNamespace) -> None:
        self._cluster = cluster
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        autoscaling = AutoscalingLoop(None, Loads(), "", lambda key, urgent: None)
        recorder = EventRecorder(cluster.kube, "test")
        self._reconciler = Reconciler(
            cluster.kube, recorder, Loads(), autoscaling, SETTINGS, ChildIndex(), now=lambda: self.now
        )

    async def look(self, after: float = 0.0) -> float | None:
        """One reconcile, so many seconds after the last one."""
        self.now += timedelta(seconds=after)
        return await self._reconciler.reconcile((self._cluster.namespace, "tiny"))

    async def contested(self) -> Object | None:
        """The condition, None if there is none."""
        body = await self._cluster.kube.get(MODEL_DEPLOYMENT, self._cluster.namespace, "tiny")
        return next((item for item in body["status"]["conditions"] if item["type"] == "Contested"), None)


@pytest.fixture
async def operator_here(cluster: ModelNamespace) -> Operator:
    await cluster.create()
    here = Operator(cluster)
    await here.look()
    return here


async def replicas(cluster: ModelNamespace) -> int:
    live = await cluster.kube.get(DEPLOYMENT, cluster.namespace, "tiny")
    return int(live["spec"]["replicas"])


class Scaler:
    """Scales the Deployment as an autoscaler does, by its subresource."""

    def __init__(self, cluster: ModelNamespace, plane: ControlPlane) -> None:
        self._cluster = cluster
        self._plane = plane

    def scale(self, number: int) -> None:
        self._plane.kubectl("scale", "-n", self._cluster.namespace, "deployment/tiny", f"--replicas={number}")


@pytest.fixture
def autoscaler(cluster: ModelNamespace, control_plane: ControlPlane) -> Scaler:
    return Scaler(cluster, control_plane)


async def fight(operator: Operator, autoscaler: Scaler, turns: int = CONTEST_REPAIRS) -> None:
    for _ in range(turns):
        autoscaler.scale(2)
        await operator.look(after=15)


async def test_occasional_scaling_by_another_writer_is_reverted(
    cluster: ModelNamespace, operator_here: Operator, autoscaler: Scaler
) -> None:
    for _ in range(CONTEST_REPAIRS + 1):
        autoscaler.scale(2)
        await operator_here.look(after=CONTEST_WINDOW_SECONDS / (CONTEST_REPAIRS - 1))
        assert await replicas(cluster) == 1
        assert await operator_here.contested() is None


async def test_a_persistent_other_writer_of_replicas_is_left_alone_and_named(
    cluster: ModelNamespace, operator_here: Operator, autoscaler: Scaler
) -> None:
    await fight(operator_here, autoscaler)
    autoscaler.scale(2)
    again = await operator_here.look(after=15)
    assert await replicas(cluster) == 2
    condition = await operator_here.contested()
    assert condition is not None
    assert (condition["status"], condition["reason"]) == ("True", "ReplicasContested")
    assert condition["message"].startswith(
        "kubectl (subresource scale) repeatedly sets spec.replicas of Deployment/tiny"
    )
    assert "scaleTargetRef" in condition["message"]
    assert again is not None
    assert again <= CONTEST_PAUSE_SECONDS


async def test_while_replicas_are_contested_the_other_writers_number_applies(
    cluster: ModelNamespace, operator_here: Operator, autoscaler: Scaler
) -> None:
    await fight(operator_here, autoscaler)
    for number in (2, 3):
        autoscaler.scale(number)
        await operator_here.look(after=15)
        assert await replicas(cluster) == number
        body = await cluster.kube.get(MODEL_DEPLOYMENT, cluster.namespace, "tiny")
        assert body["status"]["desiredReplicas"] == number
    assert body["spec"].get("replicas", 1) == 1


async def test_a_spec_change_is_applied_while_replicas_are_contested(
    cluster: ModelNamespace, operator_here: Operator, autoscaler: Scaler
) -> None:
    await fight(operator_here, autoscaler)
    autoscaler.scale(2)
    change = {"spec": {"rollout": {"progressDeadlineSeconds": 4321}}}
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", change)
    await operator_here.look(after=15)
    live = await cluster.kube.get(DEPLOYMENT, cluster.namespace, "tiny")
    assert (live["spec"]["progressDeadlineSeconds"], live["spec"]["replicas"]) == (4321, 2)


async def test_after_the_contest_pause_the_spec_applies_and_the_condition_is_removed(
    cluster: ModelNamespace, operator_here: Operator, autoscaler: Scaler
) -> None:
    await fight(operator_here, autoscaler)
    autoscaler.scale(2)
    await operator_here.look(after=15)
    await operator_here.look(after=CONTEST_PAUSE_SECONDS)
    assert await replicas(cluster) == 1
    assert await operator_here.contested() is not None
    await operator_here.look(after=CONTEST_PAUSE_SECONDS + 1)
    assert await operator_here.contested() is None
    assert await replicas(cluster) == 1


async def test_a_writer_that_contests_after_a_pause_starts_the_next_pause_immediately(
    cluster: ModelNamespace, operator_here: Operator, autoscaler: Scaler
) -> None:
    await fight(operator_here, autoscaler)
    autoscaler.scale(2)
    await operator_here.look(after=15)
    await operator_here.look(after=CONTEST_PAUSE_SECONDS)
    autoscaler.scale(2)
    await operator_here.look(after=15)
    assert await replicas(cluster) == 2
    assert await operator_here.contested() is not None


async def test_a_contest_is_reported_as_one_event_however_long_it_lasts(
    cluster: ModelNamespace, operator_here: Operator, autoscaler: Scaler
) -> None:
    await fight(operator_here, autoscaler, turns=CONTEST_REPAIRS + 3)
    found = await cluster.kube.list(EVENT, cluster.namespace)
    assert len([event for event in found if event["reason"] == "ReplicasContested"]) == 1


async def test_any_field_can_be_contested(cluster: ModelNamespace, operator_here: Operator) -> None:
    theirs: dict[str, Any] = {"spec": {"selector": {"app.kubernetes.io/component": "theirs"}}}
    for _ in range(CONTEST_REPAIRS + 1):
        await cluster.kube.patch(SERVICE, cluster.namespace, "tiny", theirs)
        await operator_here.look(after=60)
    live = await cluster.kube.get(SERVICE, cluster.namespace, "tiny")
    assert live["spec"]["selector"]["app.kubernetes.io/component"] == "theirs"
    condition = await operator_here.contested()
    assert condition is not None
    assert condition["reason"] == "FieldContested"
    assert "spec.selector.app.kubernetes.io/component of Service/tiny" in condition["message"]


async def test_a_real_hpa_on_the_deployment_does_not_create_and_delete_pods_endlessly(
    cluster: ModelNamespace, operator: OperatorProcess, control_plane: ControlPlane
) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "tiny"}
    body = {**AUTOSCALER, "spec": {**AUTOSCALER["spec"], "scaleTargetRef": target}}
    async with running_metrics_api(control_plane, cluster.namespace) as metrics:
        await cluster.create()
        await cluster.await_child(DEPLOYMENT)
        metrics.value = 25
        await cluster.kube.create(HPA, cluster.namespace, body)

        async def contested() -> Object | None:
            stored = await cluster.kube.get(MODEL_DEPLOYMENT, cluster.namespace, "tiny")
            rows = stored.get("status", {}).get("conditions", [])
            return next((row for row in rows if row["type"] == "Contested"), None)

        condition = await eventually("the condition", contested, TURNS_SECONDS)
        assert condition is not None
        assert condition["message"].startswith("kube-controller-manager (subresource scale) repeatedly sets")

        async def given_in() -> bool:
            stored = await cluster.kube.get(MODEL_DEPLOYMENT, cluster.namespace, "tiny")
            desired: int = stored["status"]["desiredReplicas"]
            return desired == 3 == await replicas(cluster)

        await eventually("the autoscaler's number", given_in, TURNS_SECONDS)
