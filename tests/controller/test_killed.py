"""The operator killed at any step: another one starts from what is observed, and the same objects come
out as if nothing had happened.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.resources import BY_KIND, DEPLOYMENT, POD_DISRUPTION_BUDGET, SERVICE
from tests.controller.cluster import ModelNamespace
from tests.controller.conftest import Start
from tests.controller.killed import Run, together
from tests.controller.node import FakeKubelet
from tests.kube.support import Object, eventually
from tests.support.faults import Call, FaultyProxy

pytestmark = pytest.mark.apiserver

Step = Callable[[Run], Awaitable[None]]
# A life of a model in which the operator creates, updates, scales, deletes an optional child, sets deletion
# costs and reports.
STEPS: dict[str, Step] = {
    "create": Run.create,
    "ready": Run.ready,
    "grow": lambda run: run.change(replicas=2),
    "both-ready": Run.ready,
    "shrink": lambda run: run.change(replicas=1),
    "other-arguments": lambda run: run.change(engine={"args": ["--enforce-eager"]}),
    "new-pod-ready": Run.ready,
    "gateway-only": lambda run: run.change(api={"defaults": {"temperature": 0.5}}),
}


@pytest.fixture
async def new_run(kube: KubeClient) -> AsyncIterator[Callable[..., Run]]:
    """Makes runs; removes their namespaces."""
    made: list[Run] = []

    def make(lives: int | None = None) -> Run:
        made.append(Run(kube, lives))
        return made[-1]

    yield make
    await asyncio.gather(*(run.remove() for run in made))


async def test_the_final_objects_are_the_same_wherever_the_operator_is_killed(
    new_run: Callable[..., Run],
) -> None:
    undisturbed = new_run()
    expected: dict[str, Object] = {}
    for name, step in STEPS.items():
        await step(undisturbed)
        expected[name] = await undisturbed.settle()
    budgets = [name for name, world in expected.items() if f"{POD_DISRUPTION_BUDGET.kind}/tiny" in world]
    assert budgets == ["grow", "both-ready"]
    writes = undisturbed.client.writes
    assert writes > 20

    runs = [new_run(lives) for lives in range(1, writes + 1)]
    for name, step in STEPS.items():
        # Who has died and is back in the undisturbed world goes on as that one did.
        runs = [run for run in runs if not run.deaths]
        await together(runs, step)
        await together(runs, lambda run, name=name: run.reach(expected[name]))  # type: ignore[misc]
    # By chance a run may need fewer writes than the undisturbed one, which sees more intermediate states.
    assert len([run for run in runs if not run.deaths]) < writes // 4


@pytest.mark.parametrize("seed", range(3))
async def test_after_random_changes_and_kills_the_objects_match_the_last_spec(
    seed: int, new_run: Callable[..., Run]
) -> None:
    chance = random.Random(seed)
    run = new_run(chance.randrange(1, 6))
    spec: dict[str, Any] = {}
    await run.create()
    for _ in range(8):
        change: dict[str, Any] = chance.choice(
            [
                {"replicas": chance.randrange(3)},
                {"engine": {"maxModelLen": chance.randrange(1, 99)}},
                {"api": {"defaults": {"seed": chance.randrange(99)}}},
            ]
        )
        spec |= change
        await run.change(**change)
        for _ in range(chance.randrange(1, 4)):
            await run.reconcile()
        await _disturb(run, chance)
        run.start(chance.randrange(1, 6))
    # The two settle at the same spec; what the one has gone through shows only in what counts changes.
    final = _without_history(await run.settle())
    other = new_run()
    await other.create()
    await other.change(**spec)
    expected = _without_history(await other.settle())
    assert final == expected
    assert run.deaths > 0


@pytest.mark.parametrize("write", [1, 4, 7])
async def test_after_a_killed_process_the_next_one_continues_with_the_same_result(
    write: int, cluster: ModelNamespace, proxy: FaultyProxy, start_operator: Start, node: FakeKubelet
) -> None:
    operator = start_operator(kubeconfig=proxy.kubeconfig)
    await eventually("the watches", operator.ready)

    def kill(call: Call) -> None:
        # The write itself goes through: the API server does not know that its client is gone.
        if len(proxy.writes) == write:
            operator.send(signal.SIGKILL)

    proxy.rule = kill
    await cluster.create(replicas=2)
    assert await operator.wait() == -signal.SIGKILL
    proxy.rule = lambda _: None
    start_operator(kubeconfig=proxy.kubeconfig)

    async def both() -> bool:
        return len(await node.pods()) == 2

    await eventually("both pods", both)
    await node.ready()
    await cluster.await_condition("Ready", "True", "Ready")
    assert (await cluster.await_child(DEPLOYMENT))["metadata"]["generation"] == 1


async def _disturb(run: Run, chance: random.Random) -> None:
    """Somebody tears the labels off a child, or deletes it."""
    for child in await run.kube.list(chance.choice([SERVICE, DEPLOYMENT]), run.namespace):
        if chance.random() < 0.5:
            await run.kube.delete(child)
        else:
            torn = {"metadata": {"labels": None}}
            await run.kube.patch(BY_KIND[child["kind"]], run.namespace, child["metadata"]["name"], torn)


def _without_history(world: Object) -> Object:
    plain: Object = {key: value for key, value in world.items() if key not in ("reasons", "status")}
    for child in plain.values():
        metadata = child.get("metadata", {})
        metadata.pop("generation", None)
        metadata.get("annotations", {}).pop("deployment.kubernetes.io/revision", None)
    ready = next(item for item in world["status"]["conditions"] if item["type"] == "Ready")
    return {**plain, "ready": (ready["status"], ready["reason"])}
