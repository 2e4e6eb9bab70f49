"""Neighbours in time: an older and a newer operator, and objects that a newer version of the API wrote."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fairlead_operator.api.crd import crd
from fairlead_operator.api.names import RENDERING, RESTARTED_AT
from fairlead_operator.kube.resources import DEPLOYMENT, MODEL_DEPLOYMENT, SERVICE
from tests.controller.cluster import ModelNamespace
from tests.controller.conftest import Start
from tests.controller.node import FakeKubelet
from tests.controller.operator_process import OperatorProcess
from tests.kube.support import ControlPlane, Object, eventually, manifest

pytestmark = pytest.mark.apiserver

NEWER = {"FAIRLEAD_GATEWAY_IMAGE": "gateway:2", "FAIRLEAD_ENGINE_IMAGE": "vllm:2"}
# The operator of a later release: another rendering of pods, and a higher version of the rules.
UPGRADED = """
from fairlead_operator import __main__
from fairlead_operator.plan import planner
from fairlead_operator.render import templates

def pod_template(model, settings, former=templates.pod_template):
    template = former(model, settings)
    template["spec"]["terminationGracePeriodSeconds"] += 1
    return template

templates.pod_template = pod_template
planner.RENDERING_VERSION += 1
raise SystemExit(__main__.main(["operator"]))
"""


async def template(cluster: ModelNamespace) -> Object:
    found: Object = (await cluster.await_child(DEPLOYMENT))["spec"]["template"]
    return found


async def await_engine(cluster: ModelNamespace, image: str) -> Object:
    async def changed() -> Object | None:
        found = await template(cluster)
        return found if found["spec"]["containers"][0]["image"] == image else None

    found = await eventually(f"the engine image {image}", changed)
    assert found is not None
    return found


async def upgrade(operator: OperatorProcess, start: Start) -> OperatorProcess:
    """Replaces the running operator by one of a later release."""
    assert await operator.stop() == 0
    return start("operator-1", settings=NEWER, program=("-c", UPGRADED))


async def test_an_upgrade_of_the_operator_writes_nothing_and_restarts_nothing(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet, start_operator: Start
) -> None:
    await cluster.create()
    await node.ready()
    await cluster.await_condition("Ready", "True", "Ready")
    await operator.quiet()
    before, versions = await template(cluster), await cluster.versions()
    later = await upgrade(operator, start_operator)
    await later.quiet()
    assert await later.writes() == 0
    assert await cluster.versions() == versions
    assert await template(cluster) == before


async def test_a_change_that_reaches_no_pod_does_not_adopt_the_new_rendering(
    cluster: ModelNamespace, operator: OperatorProcess, start_operator: Start
) -> None:
    await cluster.create()
    before = await template(cluster)
    await upgrade(operator, start_operator)
    change = {"spec": {"replicas": 2, "api": {"defaults": {"temperature": 0.5}}}}
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", change)

    async def scaled() -> bool:
        replicas: int = (await cluster.await_child(DEPLOYMENT))["spec"]["replicas"]
        return replicas == 2

    await eventually("two replicas", scaled)
    assert await template(cluster) == before


@pytest.mark.parametrize(
    "change",
    [
        {"spec": {"engine": {"maxModelLen": 512}}},
        {"metadata": {"annotations": {RESTARTED_AT: "2026-01-01T00:00:00Z"}}},
    ],
    ids=["spec", "annotation"],
)
async def test_the_next_change_of_the_pods_adopts_the_new_rendering(
    change: Object, cluster: ModelNamespace, operator: OperatorProcess, start_operator: Start
) -> None:
    await cluster.create()
    before = await cluster.await_child(DEPLOYMENT)
    await upgrade(operator, start_operator)
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", change)
    after = await await_engine(cluster, "vllm:2")
    grace = before["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert after["spec"]["terminationGracePeriodSeconds"] == grace + 1
    version = int(before["metadata"]["annotations"][RENDERING])
    live = await cluster.await_child(DEPLOYMENT)
    assert live["metadata"]["annotations"][RENDERING] == str(version + 1)


@pytest.fixture
def tomorrow(control_plane: ControlPlane, tmp_path: Path) -> Iterator[None]:
    """The CRD of a later release: v1alpha1 with more fields. Afterwards the present one again."""
    later = copy.deepcopy(crd())
    schema = later["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema["spec"]["properties"]["warmPool"] = anything
    schema["spec"]["properties"]["engine"]["properties"]["warmUp"] = {"type": "string"}
    schema["status"]["properties"]["costPerHour"] = {"type": "integer"}
    schema["status"]["properties"]["startup"]["properties"]["warmUpSeconds"] = {"type": "integer"}

    def install(body: dict[str, Any]) -> None:
        file = tmp_path / "crd.yaml"
        file.write_text(yaml.safe_dump(body))
        control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(file))

    install(later)
    yield
    install(crd())


async def test_fields_of_a_newer_api_version_survive(
    tomorrow: None, cluster: ModelNamespace, start_operator: Start, node: FakeKubelet
) -> None:
    spec: Object = {"warmPool": {"minReplicas": 0}, "engine": {"warmUp": "Full"}}
    theirs = {
        "type": "policy.example/Approved",
        "status": "True",
        "reason": "Approved",
        "message": "by the platform team",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": 1,
    }
    startup = {"pod": "former", "totalSeconds": 9, "warmUpSeconds": 3}

    async def stored() -> bool:
        # The API server takes a moment to serve a changed schema; until then it prunes.
        body = await cluster.kube.create(MODEL_DEPLOYMENT, cluster.namespace, manifest(**spec))
        if body["spec"].get("warmPool") and body["spec"]["engine"].get("warmUp"):
            return True
        path = MODEL_DEPLOYMENT.path(cluster.namespace, "tiny")
        await cluster.kube._request("DELETE", MODEL_DEPLOYMENT, path)
        return False

    await eventually("an object with the fields of tomorrow", stored)
    status = {"costPerHour": 5, "startup": startup, "conditions": [theirs]}
    before = await cluster.kube.patch_status(MODEL_DEPLOYMENT, cluster.namespace, "tiny", status)
    start_operator()
    await node.ready()
    await cluster.await_condition("Ready", "True", "Ready")
    after = await cluster.kube.get(MODEL_DEPLOYMENT, cluster.namespace, "tiny")
    assert (after["spec"], after["metadata"]["generation"]) == (before["spec"], 1)
    assert after["status"]["costPerHour"] == 5
    assert after["status"]["startup"]["warmUpSeconds"] == 3
    assert after["status"]["startup"]["pod"] == (await node.pod())["metadata"]["name"]
    assert theirs in after["status"]["conditions"]


async def test_a_condition_added_by_another_writer_is_not_lost(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet, control_plane: ControlPlane
) -> None:
    await cluster.create()
    await cluster.await_child(SERVICE)
    theirs = {
        "type": "policy.example/Approved",
        "status": "True",
        "reason": "A",
        "message": "m",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": 1,
    }
    add = json.dumps([{"op": "add", "path": "/status/conditions/-", "value": theirs}])
    await cluster.await_condition("Ready", "False", "Progressing")
    control_plane.kubectl(
        "patch", "-n", cluster.namespace, "mdep/tiny", "--subresource=status", "--type=json", "-p", add
    )
    await node.ready()
    await cluster.await_condition("Ready", "True", "Ready")
    body = await cluster.kube.get(MODEL_DEPLOYMENT, cluster.namespace, "tiny")
    assert theirs in body["status"]["conditions"]
