"""Which namespaces an operator watches: the configured ones or all; and models of one name in two of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from fairlead_operator.kube.resources import DEPLOYMENT, MODEL_DEPLOYMENT
from tests.controller.cluster import ModelNamespace
from tests.controller.conftest import Start
from tests.kube.support import ControlPlane

pytestmark = pytest.mark.apiserver


@pytest.fixture
def other(cluster: ModelNamespace, control_plane: ControlPlane) -> Iterator[ModelNamespace]:
    """A second namespace."""
    name = f"t-{uuid.uuid4().hex[:10]}"
    control_plane.kubectl("create", "namespace", name)
    yield ModelNamespace(cluster.kube, name)
    control_plane.kubectl("delete", "namespace", name, "--wait=false")


async def test_models_with_one_name_in_two_namespaces_do_not_affect_each_other(
    cluster: ModelNamespace, other: ModelNamespace, start_operator: Start, control_plane: ControlPlane
) -> None:
    both = f"{cluster.namespace},{other.namespace}"
    operator = start_operator(settings={"FAIRLEAD_WATCH_NAMESPACES": both})
    await cluster.create(replicas=1)
    await other.create(replicas=2)
    mine, theirs = await cluster.await_child(DEPLOYMENT), await other.await_child(DEPLOYMENT)
    assert (mine["spec"]["replicas"], theirs["spec"]["replicas"]) == (1, 2)
    control_plane.kubectl("delete", "-n", cluster.namespace, "modeldeployment/tiny")
    await operator.quiet()
    assert (await other.await_child(DEPLOYMENT))["metadata"]["uid"] == theirs["metadata"]["uid"]


async def test_a_namespace_that_is_not_watched_is_left_alone(
    cluster: ModelNamespace, other: ModelNamespace, start_operator: Start
) -> None:
    await other.create()
    operator = start_operator()
    await cluster.create()
    await cluster.await_child(DEPLOYMENT)
    await operator.quiet()
    assert await other.find(DEPLOYMENT) is None
    stored = await other.kube.get(MODEL_DEPLOYMENT, other.namespace, "tiny")
    assert stored["status"]["observedGeneration"] == 0


async def test_without_a_list_of_namespaces_all_are_watched_including_new_ones(
    cluster: ModelNamespace, start_operator: Start, control_plane: ControlPlane
) -> None:
    operator = start_operator(settings={"FAIRLEAD_WATCH_NAMESPACES": ""})
    await cluster.create()
    await cluster.await_child(DEPLOYMENT)
    await operator.quiet()
    late = ModelNamespace(cluster.kube, f"t-{uuid.uuid4().hex[:10]}")
    control_plane.kubectl("create", "namespace", late.namespace)
    try:
        await late.create()
        await late.await_child(DEPLOYMENT)
    finally:
        control_plane.kubectl("delete", "namespace", late.namespace, "--wait=false")
