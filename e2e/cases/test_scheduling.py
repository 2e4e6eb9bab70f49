"""GPU scheduling by the real scheduler and kubelet: where pods run, and which devices they get.

No engine is started: a pod that has its node and its devices has all that is proven here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from e2e.cases.dra import DEVICE_CLASS, device, lending, variable
from e2e.cases.node import (
    advertise,
    advertised,
    existing,
    labelled,
    priority_class,
    quota,
    runtime_class,
    tainted,
)
from e2e.cases.support import NAMESPACE, owned, sleeper, wait_condition
from e2e.world import CommandError, Object, World, wait_until

pytestmark = pytest.mark.cluster

GPU = "nvidia.com/gpu"
Apply = Callable[[Object], str]


@pytest.fixture(scope="module")
def claimable(world: World) -> Iterator[None]:
    """The node has two devices to claim: `gpu-0` is a small one, and `gpu-1` a big one."""
    devices = [device("gpu-0", model="small", memory="24Gi"), device("gpu-1", model="big", memory="80Gi")]
    with lending(world, *devices):
        yield


@pytest.fixture
def cluster(world: World) -> Iterator[ExitStack]:
    """Takes what a case changes in the cluster, and changes it back when the models of the case are gone."""
    with ExitStack() as changes:
        yield changes


@pytest.fixture
def placed(world: World, cluster: ExitStack) -> Iterator[Apply]:
    """Applies a model and returns its name; the models and their pods are gone afterwards."""
    names: list[str] = []

    def apply(manifest: Object) -> str:
        names.append(manifest["metadata"]["name"])
        world.apply(manifest, namespace=NAMESPACE)
        return names[-1]

    yield apply
    for name in names:
        world.kubectl(
            "delete", "-n", NAMESPACE, "modeldeployment", name, "--wait=false", "--ignore-not-found"
        )
    wait_until(
        "the pods of the models to be gone",
        lambda: not any(owned(world, "pods", name) for name in names),
        timeout=180,
    )


def scheduled_pod(world: World, name: str) -> Object:
    """The model's only pod, once it has a node and the model's status shows it."""
    wait_condition(world, name, "Scheduled", status="True", timeout=180)
    (pod,) = owned(world, "pods", name)
    assert pod["spec"]["nodeName"]
    return pod


def container(pod: Object, name: str) -> Object:
    """A container of the pod by name, init containers included."""
    containers = [*pod["spec"]["initContainers"], *pod["spec"]["containers"]]
    (found,) = [item for item in containers if item["name"] == name]
    return dict(found)


def gpus(resource: str = GPU, count: int = 1) -> Object:
    """spec.accelerator by an extended resource."""
    return {"resourceName": resource, "count": count}


def claim(*selectors: str, count: int = 1) -> Object:
    """spec.accelerator by a claim of the test driver's devices."""
    return {"deviceClassName": DEVICE_CLASS, "count": count, "selectors": list(selectors)}


def test_a_taint_keeps_models_without_toleration_off_a_node(
    world: World, cluster: ExitStack, placed: Apply
) -> None:
    cluster.enter_context(advertised(world, {GPU: 2}))
    cluster.enter_context(tainted(world, GPU))
    # Which taint it is, schedulers of Kubernetes 1.34 and later do not say: the operator looks at the nodes.
    shy = placed(sleeper("shy", accelerator=gpus()))
    ready = wait_condition(world, shy, "Ready", reason="UntoleratedTaint")
    assert "spec.scheduling.tolerations" in ready["message"]
    # What it saw of the nodes before the taint came holds for half a minute, so this case is the first.
    wait_until(
        "the toleration in the message",
        lambda: (
            f'{{key: "{GPU}", operator: ' in world.condition(shy, "Ready", namespace=NAMESPACE)["message"]
        ),
        timeout=120,
    )

    toleration = {"key": GPU, "operator": "Exists", "effect": "NoSchedule"}
    tolerant = sleeper("tolerant", accelerator=gpus(), scheduling={"tolerations": [toleration]})
    scheduled_pod(world, placed(tolerant))


def test_a_model_waits_until_its_accelerator_is_available(
    world: World, cluster: ExitStack, placed: Apply
) -> None:
    cluster.enter_context(advertised(world, {GPU: 1}))
    first = placed(sleeper("first", accelerator=gpus()))
    scheduled_pod(world, first)

    second = placed(sleeper("second", accelerator=gpus()))
    ready = wait_condition(world, second, "Ready", reason="InsufficientResources")
    assert f"not enough {GPU}" in ready["message"]
    capacity = wait_condition(world, second, "CapacityAvailable", status="False")
    assert capacity["reason"] == "InsufficientResources"

    advertise(world, {GPU: 2})
    scheduled_pod(world, second)
    wait_condition(world, second, "CapacityAvailable", status="True")


@pytest.mark.parametrize(
    ("name", "resource", "count"), [("amd", "amd.com/gpu", 2), ("slice", "nvidia.com/mig-3g.40gb", 1)]
)
def test_a_pod_is_scheduled_by_any_extended_resource(
    world: World, cluster: ExitStack, placed: Apply, name: str, resource: str, count: int
) -> None:
    cluster.enter_context(advertised(world, {resource: count}))
    pod = scheduled_pod(world, placed(sleeper(name, accelerator=gpus(resource, count))))

    assert container(pod, "vllm")["resources"]["limits"][resource] == str(count)
    assert resource not in container(pod, "gateway").get("resources", {}).get("limits", {})


def test_a_request_for_more_accelerators_than_any_node_has_is_reported_with_both_amounts(
    world: World, cluster: ExitStack, placed: Apply
) -> None:
    cluster.enter_context(advertised(world, {GPU: 2}))
    greedy = placed(sleeper("greedy", accelerator=gpus(count=5)))
    ready = wait_condition(world, greedy, "Ready", reason="NodesTooSmall")
    assert f"asks for 5 {GPU}; the largest node" in ready["message"]


def test_an_exhausted_quota_is_reported_until_it_is_raised(
    world: World, cluster: ExitStack, placed: Apply
) -> None:
    cluster.enter_context(advertised(world, {GPU: 2}))
    cluster.enter_context(existing(world, quota("gpus", **{f"requests.{GPU}": 1}), namespace=NAMESPACE))
    scheduled_pod(world, placed(sleeper("within", accelerator=gpus())))

    beyond = placed(sleeper("beyond", accelerator=gpus()))
    ready = wait_condition(world, beyond, "Ready", reason="QuotaExceeded")
    assert f"requests.{GPU}" in ready["message"]

    world.apply(quota("gpus", **{f"requests.{GPU}": 2}), namespace=NAMESPACE)
    scheduled_pod(world, beyond)


def test_a_queued_model_reports_the_queue_until_it_is_admitted(world: World, placed: Apply) -> None:
    # Kueue's webhook adds the gate to pods with its label, and takes it away when the queue admits them.
    gates = {"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]}
    name = placed(sleeper("queued", scheduling={"queueName": "team-gpus"}, pod=gates))
    ready = wait_condition(world, name, "Ready", reason="Queued")
    assert "team-gpus" in ready["message"]
    assert wait_condition(world, name, "Reconciling", status="True")["reason"] == "Queued"

    (pod,) = owned(world, "pods", name)
    assert pod["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team-gpus"
    admit = json.dumps([{"op": "remove", "path": "/spec/schedulingGates"}])
    world.kubectl("patch", "pod", pod["metadata"]["name"], "-n", NAMESPACE, "--type=json", "-p", admit)

    assert scheduled_pod(world, name)["metadata"]["uid"] == pod["metadata"]["uid"]


@pytest.mark.usefixtures("claimable")
def test_a_claimed_device_matches_the_selectors(world: World, placed: Apply) -> None:
    roomy = f"device.capacity['{DEVICE_CLASS}'].memory.compareTo(quantity('40Gi')) >= 0"
    name = placed(sleeper("claims-one", accelerator=claim(roomy)))
    pod = scheduled_pod(world, name)["metadata"]["name"]

    def sees(where: str) -> str | None:
        """The container's variables about its devices; None while it does not run."""
        script = "env | grep ^FAIRLEAD_TEST_ || echo nothing"
        try:
            return world.exec(pod, "sh", "-c", script, namespace=NAMESPACE, container=where)
        except CommandError:
            return None

    devices = wait_until("the engine's container to run", lambda: sees("vllm"), timeout=120)
    assert devices == f"{variable('gpu-1')}=big\n"
    assert sees("gateway") == "nothing\n"


@pytest.mark.usefixtures("claimable")
def test_an_unsatisfiable_device_claim_is_reported_until_a_device_is_available(
    world: World, placed: Apply
) -> None:
    nowhere = placed(
        sleeper("nowhere", accelerator=claim(f"device.attributes['{DEVICE_CLASS}'].model == 'huge'"))
    )
    holder = placed(sleeper("holder", accelerator=claim()))
    scheduled_pod(world, holder)
    both = placed(sleeper("both", accelerator=claim(count=2)))
    unknown = placed(sleeper("unknown", accelerator={"deviceClassName": "no-such-class"}))

    for name in (nowhere, both):
        ready = wait_condition(world, name, "Ready", reason="ClaimNotAllocated")
        assert name in ready["message"]
    missing = wait_condition(world, unknown, "Ready", reason="DeviceClassMissing")
    assert "no-such-class" in missing["message"]

    world.kubectl("scale", "-n", NAMESPACE, "modeldeployment", holder, "--replicas=0")
    scheduled_pod(world, both)


def test_scheduling_fields_of_the_spec_reach_scheduler_and_kubelet(
    world: World, cluster: ExitStack, placed: Apply
) -> None:
    classes = (priority_class("e2e-models", 1000), runtime_class("e2e-runc"))
    cluster.enter_context(existing(world, *classes, namespace=NAMESPACE))
    wanted = {"priorityClassName": "e2e-models", "runtimeClassName": "e2e-runc"}
    pod = scheduled_pod(world, placed(sleeper("classes", scheduling=wanted)))
    assert (pod["spec"]["priority"], pod["spec"]["runtimeClassName"]) == (1000, "e2e-runc")
    wait_until(
        "the kubelet to run the pod",
        lambda: world.get("pod", pod["metadata"]["name"], "-n", NAMESPACE)["status"].get("podIP"),
        timeout=120,
    )

    other = placed(sleeper("other-scheduler", scheduling={"schedulerName": "nobodys"}))
    (waiting,) = wait_until("a pod for nobody's scheduler", lambda: owned(world, "pods", other), timeout=120)
    assert (waiting["spec"]["schedulerName"], waiting["spec"].get("nodeName")) == ("nobodys", None)


def test_pods_are_spread_over_the_configured_topology_domains(
    world: World, cluster: ExitStack, placed: Apply
) -> None:
    spread = {"topologySpreadConstraints": [{"topologyKey": "e2e.fairlead.dev/rack", "maxSkew": 1}]}
    name = placed(sleeper("spread", scheduling=spread))
    ready = wait_condition(world, name, "Ready", reason="TopologyMismatch")
    assert "topology spread" in ready["message"]

    cluster.enter_context(labelled(world, "e2e.fairlead.dev/rack=one"))
    scheduled_pod(world, name)
