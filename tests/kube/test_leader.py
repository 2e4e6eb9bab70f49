"""Leader election before a real API server, with the replicas' clocks in our hands."""

from __future__ import annotations

import asyncio

import pytest

from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.leader import LEASE_SECONDS, LeaderElector, LeadershipLostError
from fairlead_operator.kube.resources import LEASE
from tests.support.clock import Clock

pytestmark = pytest.mark.apiserver


def elector(kube: KubeClient, namespace: str, identity: str, clock: Clock) -> LeaderElector:
    return LeaderElector(kube, namespace, "lock", identity, clock, retry_seconds=0.02)


async def leads(candidate: LeaderElector, within: float = 1.0) -> bool:
    try:
        await asyncio.wait_for(candidate.acquire(), within)
    except TimeoutError:
        return False
    return True


async def test_the_first_candidate_leads_and_the_second_waits(kube: KubeClient, namespace: str) -> None:
    clock = Clock()
    first, second = (elector(kube, namespace, name, clock) for name in ("a", "b"))
    assert await leads(first, 10)
    assert not await leads(second)
    assert second.reachable
    lease = await kube.get(LEASE, namespace, "lock")
    assert lease["spec"]["holderIdentity"] == "a"


async def test_a_released_lease_is_acquired_immediately(kube: KubeClient, namespace: str) -> None:
    clock = Clock()
    first, second = (elector(kube, namespace, name, clock) for name in ("a", "b"))
    assert await leads(first, 10)
    await first.release()
    assert await leads(second, 10)
    lease = await kube.get(LEASE, namespace, "lock")
    assert (lease["spec"]["holderIdentity"], lease["spec"]["leaseTransitions"]) == ("b", 2)


async def outlive(first: LeaderElector, second: LeaderElector, clock: Clock) -> None:
    """The first leads and falls silent; the second, whose clock it is, waits out the Lease and leads."""
    assert await leads(first, 10)
    assert not await leads(second)
    clock.now = LEASE_SECONDS + 1.0
    assert await leads(second, 10)


async def test_a_dead_leader_is_replaced_when_its_lease_expires_on_the_successors_clock(
    kube: KubeClient, namespace: str
) -> None:
    clock = Clock()
    first, second = elector(kube, namespace, "a", Clock()), elector(kube, namespace, "b", clock)
    await outlive(first, second, clock)


async def test_a_leader_whose_lease_was_taken_stops(kube: KubeClient, namespace: str) -> None:
    clock = Clock()
    first, second = elector(kube, namespace, "a", Clock()), elector(kube, namespace, "b", clock)
    await outlive(first, second, clock)
    with pytest.raises(LeadershipLostError, match="held by b"):
        await asyncio.wait_for(first.hold(), 10)


async def test_a_restarted_leader_with_the_same_identity_leads_again(
    kube: KubeClient, namespace: str
) -> None:
    assert await leads(elector(kube, namespace, "a", Clock()), 10)
    assert await leads(elector(kube, namespace, "a", Clock()), 10)
    lease = await kube.get(LEASE, namespace, "lock")
    assert lease["spec"]["leaseTransitions"] == 1
