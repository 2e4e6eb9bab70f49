"""Rollouts, scale-down and eviction of a model on GPUs that are only advertised: no request is lost.

One model goes through all of it, since every start of an engine takes its time: the cases build on each other
and run in this order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.cases.held_stream import WHOLE, held_in, wait_draining
from e2e.cases.load import assert_nothing_lost, load
from e2e.cases.node import advertise, advertised, evict
from e2e.cases.sdk import Client
from e2e.cases.support import NAMESPACE, engine, model, owned, staying_pods, wait_condition, wait_ready
from e2e.world import CommandError, Object, World, wait_until

pytestmark = pytest.mark.cluster

NAME = "rolling"
GPU = "nvidia.com/gpu"


@pytest.fixture(scope="module")
def served(world: World) -> Iterator[str]:
    """The name of a model with two replicas, ready on the node's only two GPUs."""
    with advertised(world, {GPU: 2}):
        manifest = model(
            NAME,
            replicas=2,
            accelerator={"resourceName": GPU},
            # The new pod is refused for five seconds before an old one makes room.
            rollout={"surgePatienceSeconds": 5},
        )
        world.apply(manifest, namespace=NAMESPACE)
        try:
            wait_ready(world, NAME)
            yield NAME
        finally:
            world.kubectl("delete", "-n", NAMESPACE, "modeldeployment", NAME, "--ignore-not-found")
            wait_until("no pod of the model", lambda: not owned(world, "pods", NAME), timeout=180)


def patch(world: World, **spec: Any) -> None:
    """Changes fields of the spec."""
    body = json.dumps({"spec": spec})
    world.kubectl("patch", "-n", NAMESPACE, "modeldeployment", NAME, "--type=merge", "-p", body)


def pods(world: World) -> list[Object]:
    """The model's pods that are not on their way out, oldest first."""
    return staying_pods(world, NAME)


def names(world: World) -> set[str]:
    """The names of those pods."""
    return {pod["metadata"]["name"] for pod in pods(world)}


def generation(world: World) -> int:
    """The generation of the spec that is stored."""
    found: int = world.get("modeldeployment", NAME, "-n", NAMESPACE)["metadata"]["generation"]
    return found


def wait_rolled_out(world: World) -> None:
    """Waits until every wanted replica of the spec as it is now is ready, and no other pod is left."""
    latest = generation(world)

    def done() -> bool:
        condition = world.condition(NAME, "Ready", namespace=NAMESPACE)
        return (condition.get("observedGeneration"), condition.get("status")) == (latest, "True")

    wait_until("the rollout to be over", done, timeout=600)


def test_an_evicted_pod_finishes_its_stream_and_the_budget_keeps_the_other(
    served: str, world: World, client: Client
) -> None:
    busy, other = pods(world)
    stream = held_in(client, served, busy)

    evict(world, busy["metadata"]["name"], namespace=NAMESPACE)
    with pytest.raises(CommandError, match="disruption budget"):
        evict(world, other["metadata"]["name"], namespace=NAMESPACE)
    assert wait_draining(world, busy["metadata"]["name"]).in_flight == 1
    assert stream.running(), "the stream was over before the evictions: it proves nothing"

    stream.stop()
    assert stream.result() == WHOLE
    wait_until("the other pod and a new one", lambda: len(pods(world)) == 2, timeout=180)
    assert busy["metadata"]["name"] not in names(world)
    assert other["metadata"]["name"] in names(world)
    wait_ready(world, served)


def test_two_replicas_on_two_gpus_roll_without_a_deadlock_and_without_a_lost_request(
    served: str, world: World, client: Client
) -> None:
    before = names(world)
    with load(client, served) as outcome:
        patch(world, engine=engine("--max-num-seqs=32"))
        capacity = wait_condition(world, served, "CapacityAvailable", reason="DrainThenReplace")
        assert GPU in capacity["message"], "the scheduler's words about the pod that came first"
        assert capacity["status"] == "False"
        assert wait_condition(world, served, "Reconciling", status="True")
        wait_rolled_out(world)

    assert_nothing_lost(outcome)
    assert not before & names(world)
    assert wait_condition(world, served, "CapacityAvailable", status="True")


def test_a_scale_down_does_not_remove_the_busy_pod(served: str, world: World, client: Client) -> None:
    # Of two pods Kubernetes by itself removes the newer one.
    _, newer = pods(world)
    stream = held_in(client, served, newer)

    world.kubectl("scale", "-n", NAMESPACE, "modeldeployment", served, "--replicas=1")
    (left,) = wait_until(
        "one pod to be left",
        lambda: found if len(found := pods(world)) == 1 else None,
        timeout=120,
        every=0.2,
    )
    assert stream.running(), "the stream was over before a pod was chosen: it proves nothing"
    stream.stop()

    assert left["metadata"]["name"] == newer["metadata"]["name"]
    assert stream.result() == WHOLE
    wait_ready(world, served)


def test_a_bad_revision_leaves_the_old_pod_serving_and_a_corrected_one_replaces_it(
    served: str, world: World, client: Client
) -> None:
    """One replica and a spare GPU: the new pod comes first, and the old one stays until it is ready."""
    advertise(world, {GPU: 2})
    good = names(world)
    with load(client, served) as outcome:
        patch(world, engine=engine("--no-such-flag"))
        ready = wait_condition(world, served, "Ready", reason="EngineArgumentInvalid", timeout=300)
        assert "--no-such-flag" in ready["message"]
        assert wait_condition(world, served, "EngineReady", status="True")["reason"] == "Serving"
        assert good <= names(world)

        patch(world, engine=engine("--max-num-seqs=16"))
        capacities = _capacity_until_rolled_out(world)

    assert_nothing_lost(outcome)
    assert "DrainThenReplace" not in capacities
    assert not good & names(world)


def _capacity_until_rolled_out(world: World) -> set[str]:
    """The reasons that the condition CapacityAvailable had until the rollout was over."""
    seen: set[str] = set()
    latest = generation(world)

    def done() -> bool:
        status = world.get("modeldeployment", NAME, "-n", NAMESPACE)["status"]
        conditions = {condition["type"]: condition for condition in status["conditions"]}
        seen.add(conditions["CapacityAvailable"]["reason"])
        ready = conditions["Ready"]
        return (ready["observedGeneration"], ready["status"]) == (latest, "True")

    wait_until("the rollout to be over", done, timeout=600)
    return seen


def test_limits_and_defaults_change_without_a_restart(served: str, world: World, client: Client) -> None:
    before = names(world)
    patch(world, api={"defaults": {"max_tokens": 7}, "limits": {"max_tokens": {"maximum": 9}}})
    script = """
        from openai import BadRequestError
        def ask(**more):
            answer = OpenAI(base_url=URL, api_key="none", max_retries=0).chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": "hello"}],
                extra_body={"ignore_eos": True}, **more)
            return answer.usage.completion_tokens
        try:
            print(json.dumps([ask(), ask(max_tokens=10)]))
        except BadRequestError as error:
            print(json.dumps([ask(), error.param]))
        """
    # A cluster that is not ours may renew mounted ConfigMaps every minute only.
    wait_until("both to be in effect", lambda: client.run(served, script) == [7, "max_tokens"], timeout=300)

    assert names(world) == before
    restarts = [
        status["restartCount"] for pod in pods(world) for status in pod["status"]["containerStatuses"]
    ]
    assert restarts == [0]
