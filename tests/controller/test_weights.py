"""Claims, downloads and adapters before a real API server, whose rules for claims cannot be changed."""

from __future__ import annotations

import pytest

from fairlead_operator.kube.resources import (
    CONFIG_MAP,
    DEPLOYMENT,
    MODEL_DEPLOYMENT,
    PERSISTENT_VOLUME_CLAIM,
)
from tests.controller.cluster import ModelNamespace
from tests.controller.node import FakeKubelet
from tests.controller.operator_process import OperatorProcess
from tests.kube.support import Object, eventually

pytestmark = pytest.mark.apiserver

CLAIM = "tiny-weights"


def cached(**cache: str) -> Object:
    """A model of the hub with a claim of its own."""
    return {"source": "hf://org/big", "cache": {"type": "PersistentVolumeClaim", **cache}}


async def claim(cluster: ModelNamespace) -> Object | None:
    return await cluster.find(PERSISTENT_VOLUME_CLAIM, CLAIM)


async def awaited_claim(cluster: ModelNamespace) -> Object:
    found = await eventually("the claim", lambda: claim(cluster))
    assert found is not None
    return found


async def change(cluster: ModelNamespace, **spec: object) -> None:
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", {"spec": spec})


async def test_a_volume_claim_is_created_before_the_pods_that_mount_it(
    cluster: ModelNamespace, operator: OperatorProcess
) -> None:
    await cluster.create(model=cached(size="1Gi", storageClassName="none"))
    deployment = await cluster.await_child(DEPLOYMENT)
    found = await claim(cluster)
    assert found is not None
    assert found["spec"]["accessModes"] == ["ReadWriteOnce"]
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    assert {"name": "weights", "persistentVolumeClaim": {"claimName": CLAIM}} in volumes


async def test_an_immutable_volume_claim_does_not_block_other_changes(
    cluster: ModelNamespace, operator: OperatorProcess
) -> None:
    await cluster.create(model=cached(size="2Gi", storageClassName="none"))
    before = await awaited_claim(cluster)
    changed = {**cached(size="1Gi", storageClassName="other"), "servedName": "renamed"}
    await change(cluster, model=changed, replicas=3)

    async def renamed() -> bool:
        config = await cluster.find(CONFIG_MAP, "tiny-gateway")
        return config is not None and "renamed" in config["data"]["gateway.json"]

    await eventually("the other change to be carried out", renamed)
    after = await claim(cluster)
    assert after is not None
    assert after["spec"] == before["spec"]


async def test_a_volume_claim_is_deleted_with_the_cache_that_needed_it(
    cluster: ModelNamespace, operator: OperatorProcess
) -> None:
    await cluster.create(model=cached(size="1Gi", storageClassName="none"))
    await awaited_claim(cluster)
    await change(cluster, model={"cache": None})

    async def leaves() -> bool:
        found = await claim(cluster)
        # The last word is the kubelet's: a claim in use goes with the pods that use it.
        return found is None or bool(found["metadata"].get("deletionTimestamp"))

    await eventually("the end of the claim", leaves)


async def test_a_refused_download_is_reported_with_its_cause(
    cluster: ModelNamespace, node: FakeKubelet, operator: OperatorProcess
) -> None:
    await cluster.create(model={"source": "hf://org/big"})
    await node.download_ended('{"reason": "WeightsUnauthorized", "message": "the hub answered 401"}')
    condition = await cluster.await_condition("Stalled", "True", "WeightsUnauthorized")
    assert "401" in condition["message"]
    await cluster.await_condition("WeightsReady", "False", "WeightsUnauthorized")
