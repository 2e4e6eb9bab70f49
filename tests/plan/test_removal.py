"""Before a model shrinks, each pod's deletion cost is what its gateway reports."""

from __future__ import annotations

from typing import Any

from fairlead_operator.api.names import DELETION_COST
from tests.plan.builders import Object, PlannedNamespace, model_body, pod, pod_report


def busy(world: PlannedNamespace, **loads: int) -> None:
    world.reports = {name.replace("_", "-"): pod_report(load) for name, load in loads.items()}


def two(**spec: Any) -> PlannedNamespace:
    """Two replicas serve."""
    world = PlannedNamespace(model_body(replicas=2, **spec))
    world.serve(2)
    for item in world.pods:
        item["status"]["podIP"] = "10.0.0.1"
    return world


def asked(world: PlannedNamespace) -> list[str]:
    return [item["metadata"]["name"] for item in world.plan().asks]


def test_a_scale_down_queries_the_load_of_its_pods_first() -> None:
    world = two()
    world.body["spec"]["replicas"] = 1
    assert asked(world) == ["tiny-0", "tiny-1"]


def test_the_deletion_cost_of_a_pod_is_its_load() -> None:
    world = two()
    world.body["spec"]["replicas"] = 1
    busy(world, tiny_0=7, tiny_1=0)
    assert world.plan().costs == {"tiny-0": 7, "tiny-1": 0}


def test_queued_requests_count_for_the_deletion_cost() -> None:
    world = two()
    world.body["spec"]["replicas"] = 1
    world.reports = {"tiny-0": pod_report(2, queued=3)}
    assert world.plan().costs == {"tiny-0": 5}


def test_an_unchanged_deletion_cost_is_not_written() -> None:
    world = two()
    world.body["spec"]["replicas"] = 1
    world.pods[0]["metadata"]["annotations"][DELETION_COST] = "7"
    busy(world, tiny_0=7, tiny_1=1)
    assert world.plan().costs == {"tiny-1": 1}


def test_a_rollout_removes_the_busiest_old_pod_last() -> None:
    world = two()
    world.body["spec"]["engine"] = {"maxModelLen": 512}
    busy(world, tiny_0=7, tiny_1=0)
    assert world.plan().costs == {"tiny-0": 7, "tiny-1": 0}


def test_without_a_scale_down_no_pod_is_queried_for_its_load() -> None:
    world = two()
    assert asked(world) == []
    world.body["spec"]["replicas"] = 3
    assert asked(world) == []
    world.body["spec"]["replicas"] = 0
    assert asked(world) == []


def endpoint(world: PlannedNamespace, name: str) -> Object:
    world.reconcile()
    found: Object = next(item for item in world.body["status"]["endpoints"] if item["pod"] == name)
    return found


def test_the_status_shows_the_remaining_load_of_a_draining_pod() -> None:
    world = two()
    world.pods[0]["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    busy(world, tiny_0=3)
    assert endpoint(world, "tiny-0") == {"pod": "tiny-0", "state": "Draining", "inFlight": 3}
    assert endpoint(world, "tiny-1") == {"pod": "tiny-1", "state": "Ready"}


def test_the_gateway_of_a_draining_pod_is_queried_repeatedly() -> None:
    world = two()
    world.pods[0]["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    requeue = world.plan().requeue_after
    assert requeue is not None
    assert requeue <= 5


def test_the_load_of_pods_that_serve_is_not_in_the_status() -> None:
    world = two()
    world.reconcile()
    before = world.body["status"]
    busy(world, tiny_0=3)
    assert world.plan().status == before


def test_a_starting_pod_is_reported_as_starting() -> None:
    world = PlannedNamespace()
    world.reconcile()
    world.roll([pod()])
    assert endpoint(world, "tiny-1") == {"pod": "tiny-1", "state": "Starting"}
