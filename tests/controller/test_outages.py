"""What happens to the operator when the API server or the way to it fails: nothing is lost, no process
restarts without need, and only one replica writes.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from fairlead_operator import kopf_handlers
from fairlead_operator.controller.child_index import WatchEvent
from fairlead_operator.kube.resources import DEPLOYMENT, EVENT, LEASE, MODEL_DEPLOYMENT, SERVICE
from tests.controller.cluster import ModelNamespace
from tests.controller.conftest import Start
from tests.controller.node import FakeKubelet
from tests.controller.operator_process import OperatorProcess
from tests.kube.support import eventually
from tests.support.control_plane import ControlPlane
from tests.support.faults import Call, Fault, FaultyProxy

pytestmark = pytest.mark.apiserver


@pytest.fixture
async def operator(start_operator: Start, proxy: FaultyProxy) -> OperatorProcess:
    """A running operator that reaches the API server through the proxy."""
    operator = start_operator(kubeconfig=proxy.kubeconfig)
    await eventually("the watches", operator.ready)
    return operator


async def leading(operator: OperatorProcess) -> bool:
    leader: float = await operator.metric("_leader$")
    return leader == 1


async def test_broken_connections_are_opened_again(
    cluster: ModelNamespace, operator: OperatorProcess, proxy: FaultyProxy
) -> None:
    proxy.cut()
    await cluster.create()
    await cluster.await_child(DEPLOYMENT)
    proxy.cut()
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", {"spec": {"replicas": 2}})

    async def scaled() -> bool:
        replicas: int = (await cluster.await_child(DEPLOYMENT))["spec"]["replicas"]
        return replicas == 2

    await eventually("the change", scaled)
    assert await operator.ready()


async def test_a_silent_watch_is_replaced_and_missed_events_are_noticed(
    cluster: ModelNamespace, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = kopf_handlers._settings()
    assert 0 < settings.watching.inactivity_timeout < 300
    settings.watching.inactivity_timeout = 2
    monkeypatch.setattr(kopf_handlers, "_settings", lambda: settings)
    monkeypatch.setenv("KUBECONFIG", str(proxy.kubeconfig))
    seen: list[WatchEvent] = []
    ready, stop = asyncio.Event(), asyncio.Event()
    watch = asyncio.create_task(kopf_handlers.watch(seen.append, [cluster.namespace], ready, stop))
    try:
        await asyncio.wait_for(ready.wait(), 40)

        async def streaming() -> bool:
            return proxy.watches > 0

        await eventually("open watches", streaming)
        proxy.fall_silent()
        await cluster.create()

        async def noticed() -> bool:
            return any(watch_event.key == (cluster.namespace, "tiny") for watch_event in seen)

        await eventually("the model", noticed)
    finally:
        stop.set()
        await asyncio.wait_for(watch, 40)


async def test_an_outage_longer_than_the_lease_does_not_end_a_leader_without_a_successor(
    cluster: ModelNamespace, operator: OperatorProcess, proxy: FaultyProxy
) -> None:
    await cluster.create()
    service = await cluster.await_child(SERVICE)
    await operator.quiet()
    await proxy.refuse()

    async def paused() -> bool:
        return not await leading(operator)

    await eventually("the leader to pause writes", paused)
    before = len(proxy.calls)
    await cluster.kube.delete(service)
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", {"spec": {"replicas": 2}})
    await proxy.accept()

    async def caught_up() -> bool:
        deployment = await cluster.await_child(DEPLOYMENT)
        return deployment["spec"]["replicas"] == 2 and await cluster.find(SERVICE) is not None

    await eventually("what was missed", caught_up)
    assert await leading(operator)
    # Before anything else is written the Lease is.
    written = [call.path for call in proxy.calls[before:] if call.method != "GET"]
    assert "/leases/" in written[0]
    lease = await cluster.kube.get(LEASE, cluster.namespace, "fairlead-operator")
    assert lease["spec"]["leaseTransitions"] == 1


async def test_a_leader_replaced_during_its_outage_writes_nothing_afterwards(
    cluster: ModelNamespace, operator: OperatorProcess, proxy: FaultyProxy, start_operator: Start
) -> None:
    await cluster.create()
    await operator.quiet()
    standby = start_operator("operator-1")
    await eventually("the standby", standby.ready)
    await proxy.refuse()

    async def replaced() -> bool:
        return await leading(standby)

    await eventually("the standby to lead", replaced, within=60)
    assert not await leading(operator)
    before = len(proxy.writes)
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", {"spec": {"replicas": 2}})
    await proxy.accept()
    assert await operator.wait() == 1
    assert "the Lease is held by operator-1" in operator.log
    assert proxy.writes[before:] == []

    async def scaled() -> bool:
        replicas: int = (await cluster.await_child(DEPLOYMENT))["spec"]["replicas"]
        return replicas == 2

    await eventually("the change", scaled)


async def test_only_the_leader_of_two_replicas_writes(
    cluster: ModelNamespace, operator: OperatorProcess, control_plane: ControlPlane, start_operator: Start,
    tmp_path: Path, node: FakeKubelet,
) -> None:  # fmt: skip
    async with FaultyProxy(control_plane.kubeconfig, tmp_path / "standby.kubeconfig") as other:
        standby = start_operator("operator-1", kubeconfig=other.kubeconfig)
        await eventually("the standby", standby.ready)
        await cluster.create()
        await node.ready()
        await cluster.await_condition("Ready", "True", "Ready")
        assert other.writes == []
        assert not [call for call in other.calls if call.method == "PUT"]
        assert await standby.stop() == 0


async def test_a_restart_of_the_api_server_loses_no_change(
    cluster: ModelNamespace, start_operator: Start, control_plane: ControlPlane
) -> None:
    operator = start_operator()
    await cluster.create()
    service = await cluster.await_child(SERVICE)
    await operator.quiet()
    # Not in a thread of its own: the API server ends with the thread that started it.
    control_plane.restart_apiserver()
    await cluster.kube.delete(service)
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", {"spec": {"replicas": 2}})

    async def caught_up() -> bool:
        deployment = await cluster.await_child(DEPLOYMENT)
        return deployment["spec"]["replicas"] == 2 and await cluster.find(SERVICE) is not None

    await eventually("the changes", caught_up)
    assert await operator.ready()


async def test_requests_to_an_overloaded_api_server_are_retried_until_they_succeed(
    cluster: ModelNamespace, operator: OperatorProcess, proxy: FaultyProxy
) -> None:
    chance = random.Random(5)
    faults = [Fault(code, after=after) for code in (409, 500, 503) for after in (False, True)]
    faults.append(Fault(429, {"Retry-After": "1"}))
    injected = 0

    def storm(call: Call) -> Fault | None:
        nonlocal injected
        # Rarer, for each failure doubles the wait before the next try.
        if call.watch or chance.random() > (0.04 if call.method == "GET" else 0.25):
            return None
        injected += 1
        return chance.choice(faults)

    proxy.rule = storm
    await cluster.create(replicas=2)

    async def reported() -> bool:
        model = await cluster.kube.get(MODEL_DEPLOYMENT, cluster.namespace, "tiny")
        replicas: int = model.get("status", {}).get("replicas", 0)
        return replicas == 2

    await eventually("both pods in the status", reported, within=240)
    assert injected > 0
    proxy.rule = lambda _: None
    assert await operator.ready()
    recorded = [
        (event["reason"], event["note"]) for event in await cluster.kube.list(EVENT, cluster.namespace)
    ]
    assert len(recorded) == len(set(recorded))


async def test_an_expired_token_is_read_again(
    cluster: ModelNamespace, operator: OperatorProcess, proxy: FaultyProxy
) -> None:
    refused: list[Call] = []

    def expired(call: Call) -> Fault:
        refused.append(call)
        return Fault(401)

    async def noticed() -> bool:
        # The Lease is the client's; what comes before a new watch is kopf's.
        return len({"/leases" in call.path for call in refused}) == 2

    proxy.rule = expired
    proxy.cut()
    await eventually("the refusals", noticed)
    proxy.rule = lambda _: None
    await cluster.create()
    await cluster.await_child(DEPLOYMENT)
    assert await operator.ready()


async def test_a_retry_is_not_earlier_than_retry_after(
    cluster: ModelNamespace, operator: OperatorProcess, proxy: FaultyProxy
) -> None:
    refused: list[Call] = []

    def once(call: Call) -> Fault | None:
        if call.is_write and "/services/" in call.path and not refused:
            refused.append(call)
            return Fault(429, {"Retry-After": "4"})
        return None

    proxy.rule = once
    await cluster.create()
    await cluster.await_child(SERVICE)
    again = next(call for call in proxy.writes if "/services/" in call.path and call not in refused)
    assert again.at - refused[0].at >= 4
