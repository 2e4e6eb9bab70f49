"""What users set under spec.api, before a real API server: what is reported, and what restarts nothing."""

from __future__ import annotations

import json

import pytest

from fairlead_operator.kube.resources import CONFIG_MAP, DEPLOYMENT, MODEL_DEPLOYMENT
from tests.controller.cluster import ModelNamespace
from tests.controller.node import FakeKubelet
from tests.controller.operator_process import OperatorProcess
from tests.kube.support import eventually

pytestmark = pytest.mark.apiserver


async def test_a_secret_missing_on_the_node_is_named(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet
) -> None:
    await cluster.create(api={"auth": {"mode": "APIKey", "secretName": "tiny-keys"}})
    text = 'MountVolume.SetUp failed for volume "gateway-keys" : secret "tiny-keys" not found'
    await node.cannot_mount(text)
    condition = await cluster.await_condition("Ready", "False", "ContainerConfigError")
    assert 'secret "tiny-keys" not found' in condition["message"]
    await node.ready()
    await cluster.await_condition("Ready", "True", "Ready")


async def test_a_change_that_only_the_gateway_reads_restarts_no_pod(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet
) -> None:
    await cluster.create()
    await node.ready()
    await cluster.await_condition("Ready", "True", "Ready")
    before, deployment = await node.pod(), await cluster.await_child(DEPLOYMENT)
    change = {"spec": {"api": {"defaults": {"temperature": 0.5}}}}
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", change)

    async def updated() -> bool:
        config = await cluster.kube.get(CONFIG_MAP, cluster.namespace, "tiny-gateway")
        return bool(json.loads(config["data"]["gateway.json"])["api"]["defaults"] == {"temperature": 0.5})

    await eventually("the new default in the ConfigMap", updated)
    await cluster.await_condition("Ready", "True", "Ready")
    after = await cluster.await_child(DEPLOYMENT)
    assert after["metadata"]["generation"] == deployment["metadata"]["generation"]
    assert (await node.pod())["metadata"]["uid"] == before["metadata"]["uid"]


async def test_a_default_that_the_dialect_does_not_allow_leaves_the_model_serving(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet
) -> None:
    await cluster.create()
    await node.ready()
    await cluster.await_condition("Ready", "True", "Ready")
    before = await cluster.versions()
    change = {"spec": {"replicas": 2, "api": {"defaults": {"temperature": 3}}}}
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", change)
    condition = await cluster.await_condition("Ready", "False", "InvalidSpec")
    assert "spec.api.defaults.temperature" in condition["message"]
    await cluster.await_condition("EngineReady", "True", "Serving")
    after = await cluster.versions()
    model = f"{MODEL_DEPLOYMENT.kind}/tiny"
    assert {**after, model: ""} == {**before, model: ""}
