"""Before a model shrinks, each pod's deletion cost is what its gateway reports."""

from __future__ import annotations

from typing import Any

from fairlead_operator.api.names import DELETION_COST
from tests.plan.builders import Object, World, model_body, pod, pod_report


def busy(world: World, **loads: int) -> None:
    world.reports = {name.replace("_", "-"): pod_report(load) for name, load in loads.items()}


def two(**spec: Any) -> World:
    """Two replicas serve."""
    world = World(model_body(replicas=2, **spec))
    world.serve(2)
    for item in world.pods:
        item["status"]["podIP"] = "10.0.0.1"
    return world


def asked(world: World) -> list[str]:
    return [item["metadata"]["name"] for item in world.plan().asks]


def test_a_model_that_shrinks_asks_its_pods_first() -> None:
    world = two()
    world.body["spec"]["replicas"] = 1
    assert asked(world) == ["tiny-0", "tiny-1"]


def test_the_cost_of_a_pod_is_its_load() -> None:
    world = two()
    world.body["spec"]["replicas"] = 1
    busy(world, tiny_0=7, tiny_1=0)
    assert world.plan().costs == {"tiny-0": 7, "tiny-1": 0}


def test_requests_that_wait_for_their_turn_count_too() -> None:
    world = two()
    world.body["spec"]["replicas"] = 1
    world.reports = {"tiny-0": pod_report(2, queued=3)}
    assert world.plan().costs == {"tiny-0": 5}


def test_a_cost_that_is_right_already_is_not_written() -> None:
    world = two()
    world.body["spec"]["replicas"] = 1
    world.pods[0]["metadata"]["annotations"][DELETION_COST] = "7"
    busy(world, tiny_0=7, tiny_1=1)
    assert world.plan().costs == {"tiny-1": 1}


def test_new_pods_for_several_old_ones_spare_the_busiest_until_last() -> None:
    world = two()
    world.body["spec"]["engine"] = {"maxModelLen": 512}
    busy(world, tiny_0=7, tiny_1=0)
    assert world.plan().costs == {"tiny-0": 7, "tiny-1": 0}


def test_nobody_is_asked_without_need() -> None:
    world = two()
    assert asked(world) == []
    world.body["spec"]["replicas"] = 3
    assert asked(world) == []
    world.body["spec"]["replicas"] = 0
    assert asked(world) == []


def endpoint(world: World, name: str) -> Object:
    world.reconcile()
    found: Object = next(item for item in world.body["status"]["endpoints"] if item["pod"] == name)
    return found


def test_a_pod_that_drains_shows_what_it_still_has_to_do() -> None:
    world = two()
    world.pods[0]["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    busy(world, tiny_0=3)
    assert endpoint(world, "tiny-0") == {"pod": "tiny-0", "state": "Draining", "inFlight": 3}
    assert endpoint(world, "tiny-1") == {"pod": "tiny-1", "state": "Ready"}


def test_while_a_pod_drains_its_gateway_is_asked_again() -> None:
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


def test_a_pod_that_starts_is_told_so() -> None:
    world = World()
    world.reconcile()
    world.roll([pod()])
    assert endpoint(world, "tiny-1") == {"pod": "tiny-1", "state": "Starting"}
