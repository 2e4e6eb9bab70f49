"""From zero to one, to two, and back to zero, under requests of the official SDK: none is lost.

One model goes through all of it, since every start of an engine takes its time: the cases build on each other
and run in this order. Its requests go to its own Service, which is an alias of the router's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.cases.load import load
from e2e.cases.node import advertise, advertised
from e2e.cases.sdk import Client, Script
from e2e.cases.support import NAMESPACE, model, owned, sleeper, staying_pods, wait_condition
from e2e.world import RELEASE_NAMESPACE, Object, World, wait_until

pytestmark = pytest.mark.cluster

NAME = "elastic"
GPU = "nvidia.com/gpu"
BURST = 8
ROUTER = f"fairlead-router.{RELEASE_NAMESPACE}"
# As many callers as the burst has requests: half of them stream, and none retries.
_BURST = f"""
import threading

answers, errors = [], []

def ask(stream):
    asked = dict(model=MODEL, messages=[{{"role": "user", "content": "hello"}}], max_tokens=16, stream=stream,
                 timeout=900, extra_body={{"ignore_eos": True}})
    try:
        answer = client.chat.completions.create(**asked)
        last = list(answer)[-1] if stream else answer
        answers.append(last.choices[0].finish_reason)
    except Exception as error:
        errors.append(repr(error))

callers = [threading.Thread(target=ask, args=(number % 2 == 0,)) for number in range({BURST})]
for caller in callers:
    caller.start()
print("asked")
for caller in callers:
    caller.join()
print(json.dumps({{"answers": answers, "errors": errors}}))
"""
# The SDK retries by itself where a stopping router answers so.
_PATIENT = """
print("asked")
patient = client.with_options(max_retries=10, timeout=900)
answer = patient.chat.completions.create(
    model=MODEL, messages=[{"role": "user", "content": "hello"}], max_tokens=8,
    extra_body={"ignore_eos": True})
print(json.dumps({"tokens": answer.usage.completion_tokens}))
"""


def autoscaling(**more: Any) -> Object:
    """Rules under which a few minutes are enough to see everything."""
    return {
        "minReplicas": 0,
        "maxReplicas": 4,
        "pollingIntervalSeconds": 2,
        "cooldownSeconds": 20,
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 10}},
        **more,
    }


@pytest.fixture(scope="module")
def elastic(world: World) -> Iterator[str]:
    """The name of a model that was created without a request and so has no pod."""
    world.apply(model(NAME, autoscaling=autoscaling()), namespace=NAMESPACE)
    try:
        wait_condition(world, NAME, "Ready", reason="ScaledToZero")
        yield NAME
    finally:
        world.kubectl("delete", "-n", NAMESPACE, "modeldeployment", NAME, "--ignore-not-found")
        wait_until("no pod of the model", lambda: not owned(world, "pods", NAME), timeout=180)


def scale(world: World, name: str = NAME) -> Object:
    """The Deployment's wanted and ready replicas."""
    found = world.get("deployment", name, "-n", NAMESPACE)
    return {"wanted": found["spec"]["replicas"], "ready": found["status"].get("readyReplicas", 0)}


def pods(world: World) -> set[str]:
    """The names of the model's pods that are not on their way out."""
    return {pod["metadata"]["name"] for pod in staying_pods(world, NAME)}


def placed(world: World, name: str) -> int:
    """How many of the model's pods have a node."""
    return sum("nodeName" in pod["spec"] for pod in owned(world, "pods", name))


def patch(world: World, **rules: Any) -> None:
    """Changes fields of spec.autoscaling."""
    body = json.dumps({"spec": {"autoscaling": rules}})
    world.kubectl("patch", "-n", NAMESPACE, "modeldeployment", NAME, "--type=merge", "-p", body)


def sending(client: Client, script: str) -> Script:
    """A script that has sent its requests."""
    sent = client.spawn(NAME, script)
    sent.wait_output("asked")
    return sent


def test_a_model_at_zero_is_listed(elastic: str, world: World, client: Client) -> None:
    assert scale(world)["wanted"] == 0
    for address in (elastic, ROUTER):
        listed = client.run(
            elastic,
            f"""
            client = OpenAI(base_url="http://{address}/v1", api_key="none", max_retries=0, timeout=30)
            print(json.dumps([entry.id for entry in client.models.list()]))
            """,
        )
        assert elastic in listed


def test_a_burst_at_zero_is_held_for_one_pod_and_answered_completely(
    elastic: str, world: World, client: Client
) -> None:
    script = sending(client, _BURST)
    most = 0

    def over() -> bool:
        nonlocal most
        most = max(most, scale(world)["wanted"])
        return not script.running()

    wait_until("the answers", over, timeout=900, every=0.5)
    assert script.result(seconds=900) == {"answers": ["length"] * BURST, "errors": []}
    # One takes them all at once: those that wait while it starts are no reason for another.
    assert most == 1


def test_load_above_one_replica_adds_a_second_one_without_losing_requests(
    elastic: str, world: World, client: Client
) -> None:
    before = pods(world)
    with load(client, elastic) as outcome:
        patch(world, maxConcurrency=1, maxReplicas=2)
        wait_until("two ready pods", lambda: scale(world) == {"wanted": 2, "ready": 2}, timeout=600)
        # Bounds of the autoscaler are no reason to restart what runs.
        assert before <= pods(world)
        both = pods(world)
        status = world.get("modeldeployment", elastic, "-n", NAMESPACE)["status"]["autoscaling"]
        assert status["desiredReplicas"] == 2
        assert status["message"]

        world.kubectl("delete", "-n", RELEASE_NAMESPACE, "pod", "-l", "app.kubernetes.io/component=operator")
        world.kubectl("rollout", "status", "-n", RELEASE_NAMESPACE, "deployment/fairlead-operator")
        wait_condition(world, elastic, "Ready", status="True")
        assert scale(world)["wanted"] == 2
        assert pods(world) == both

    assert outcome.errors == []
    assert all(count > 10 for count in outcome.answers.values()), outcome.answers


def test_without_requests_the_last_pod_is_removed(elastic: str, world: World) -> None:
    wait_condition(world, elastic, "Ready", reason="ScaledToZero", timeout=600)
    assert scale(world)["wanted"] == 0
    wait_until("no pod", lambda: not owned(world, "pods", elastic), timeout=180)


def test_held_requests_survive_a_restart_of_their_router(elastic: str, world: World, client: Client) -> None:
    script = sending(client, _PATIENT)
    wait_until("the wake-up", lambda: scale(world)["wanted"] == 1, timeout=60, every=0.2)
    routers = ("pod", "-l", "app.kubernetes.io/component=router")
    world.kubectl("delete", "-n", RELEASE_NAMESPACE, *routers, "--wait=false")
    assert scale(world)["ready"] == 0, "the model was ready before the routers went: it proves nothing"
    assert script.result(seconds=900) == {"tokens": 8}


def test_pods_without_a_free_gpu_are_not_requested_beyond_one(world: World) -> None:
    """Two GPUs and five replicas wanted: one pod waits for more, and no further one is made."""
    name = "hungry"
    rules = autoscaling(minReplicas=5, maxReplicas=5)
    with advertised(world, {GPU: 2}):
        # Five of them have room on the node but for the GPUs.
        least = {"requests": {"cpu": "1m", "memory": "1Mi"}}
        manifest = sleeper(name, accelerator={"resourceName": GPU}, autoscaling=rules, resources=least)
        world.apply(manifest, namespace=NAMESPACE)
        try:
            capacity = wait_condition(world, name, "CapacityAvailable", status="False")
            assert GPU in capacity["message"]
            assert wait_condition(world, name, "ScalingLimited", reason="InsufficientCapacity")["message"]
            assert scale(world, name)["wanted"] == 3

            advertise(world, {GPU: 5})
            wait_until("five pods on the node", lambda: placed(world, name) == 5, timeout=400)
            assert scale(world, name)["wanted"] == 5
            assert wait_condition(world, name, "CapacityAvailable", status="True")
        finally:
            world.kubectl("delete", "-n", NAMESPACE, "modeldeployment", name, "--ignore-not-found")
