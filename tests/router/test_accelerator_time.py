"""Accelerator-seconds that models' pods hold, and what a request takes of them."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_gateway.router.accelerator_time import AcceleratorTime
from fairlead_gateway.router.models import RoutedModel, StepCost, read_model
from tests.router.objects import endpoint, endpoint_slice, model
from tests.router.wire import running_router

GPU = "nvidia.com/gpu"
TWO = {"resourceName": GPU, "count": 2}


def of(seconds: dict[tuple[str, str], float]) -> float:
    return seconds.get(("team/tiny", GPU), 0.0)


def routed(accelerators: int = 2) -> RoutedModel:
    return RoutedModel("team", "tiny", "tiny", resource=GPU, accelerators=accelerators)


def test_each_pod_counts_its_accelerators_for_as_long_as_it_is_there() -> None:
    time = AcceleratorTime()
    time.observe(100.0, [(routed(), 1)])
    time.observe(110.0, [(routed(), 3)])
    time.observe(111.0, [])
    time.observe(999.0, [])
    assert of(time.drain()) == pytest.approx(10 * 2 + 1 * 6)
    assert time.drain() == {}


def test_a_model_without_accelerators_holds_none() -> None:
    time = AcceleratorTime()
    time.observe(0.0, [(routed(0), 5)])
    time.observe(10.0, [])
    assert time.drain() == {}


@pytest.mark.parametrize(
    ("spec", "accelerators", "resource"),
    [
        ({}, 0, ""),
        ({"accelerator": TWO}, 2, GPU),
        ({"accelerator": TWO, "engine": {"nodes": 3}}, 6, GPU),
        ({"accelerator": {"deviceClassName": "gpu.example.com", "count": 1}}, 1, "gpu.example.com"),
    ],
)
def test_the_accelerators_of_a_replica_are_those_of_all_its_nodes(
    spec: dict[str, Any], accelerators: int, resource: str
) -> None:
    read = read_model(model(**spec))
    assert (read.accelerators, read.resource) == (accelerators, resource)


async def test_pods_that_start_hold_accelerators_too() -> None:
    async with running_router(model(accelerator=TWO)) as router:
        part = endpoint_slice(endpoint("127.0.0.1", "pod-0"), endpoint("127.0.0.2", "pod-1", ready=False))
        router.services.model_registry.replace_slices(set(), {"team/tiny-a": part})
        assert [(found.key, pods) for found, pods in router.services.model_registry.pods()] == [
            ("team/tiny", 2)
        ]


async def test_a_pod_with_addresses_of_both_families_holds_its_accelerators_once() -> None:
    async with running_router(model(accelerator=TWO)) as router:
        parts = {
            f"team/tiny-{family}": endpoint_slice(endpoint(host, "pod-0"))
            for family, host in (("ipv4", "127.0.0.1"), ("ipv6", "::1"))
        }
        router.services.model_registry.replace_slices(set(), parts)
        assert [pods for _, pods in router.services.model_registry.pods()] == [1]


def test_a_request_takes_its_own_tokens_and_its_part_of_each_shared_step() -> None:
    cost = StepCost(step=0.01, decode=0.001, prefill=0.0002)
    assert cost.seconds(computed=1000, generated=100, batch=1) == pytest.approx(0.2 + 0.1 + 1.0)
    assert cost.seconds(computed=1000, generated=100, batch=10) == pytest.approx(0.2 + 0.1 + 0.1)
    assert cost.seconds(computed=0, generated=100, batch=0) == pytest.approx(0.1 + 1.0)


def test_the_learned_cost_of_a_step_is_read_from_the_status() -> None:
    learned = {"stepSeconds": 0.02, "decodeSeconds": 0.0003, "prefillSeconds": 0.00004}
    status = {"autoscaling": {"inputs": learned}}
    assert read_model(model(status=status)).step_cost == StepCost(0.02, 0.0003, 0.00004)


@pytest.mark.parametrize("wrong", [-1, None, "1", 1e9, float("nan")])
def test_a_learned_cost_that_is_no_time_counts_as_unknown(wrong: object) -> None:
    status = {
        "autoscaling": {"inputs": {"stepSeconds": wrong, "decodeSeconds": 1e-4, "prefillSeconds": 1e-4}}
    }
    assert read_model(model(status=status)).step_cost == StepCost()
