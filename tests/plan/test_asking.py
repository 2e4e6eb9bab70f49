"""Whose Events are read: of pods that wait for causes that only Events report, a bounded number."""

from __future__ import annotations

from fairlead_operator.bounds import PODS_WITH_EVENTS
from fairlead_operator.plan.pods.gateway_queries import pods_awaiting_events
from tests.plan.builders import Object, creating, pod


def created(number: int) -> Object:
    """A pod without a node, the younger the higher its number."""
    body = pod(f"tiny-{number}", unschedulable="no room")
    body["metadata"]["creationTimestamp"] = f"2026-01-01T11:{number:02}:00Z"
    return body


def names(pods: list[Object]) -> list[str]:
    return [item["metadata"]["name"] for item in pods_awaiting_events(pods)]


def test_events_are_queried_only_for_pods_that_wait_for_a_node_or_volumes() -> None:
    assert names([pod("runs"), created(1), creating("mounts"), pod("serves", ready=True)]) == [
        "mounts",
        "tiny-1",
    ]


def test_of_many_pods_only_the_newest_are_queried_for_events() -> None:
    found = names([created(number) for number in range(PODS_WITH_EVENTS + 20)])
    assert found == [f"tiny-{number}" for number in range(PODS_WITH_EVENTS + 19, 19, -1)]
