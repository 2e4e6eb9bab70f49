"""What is read of ModelDeployments and EndpointSlices, whatever they have."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_gateway.router.catalogue import Hold, read_model
from fairlead_gateway.router.slices import Address, read_slice
from tests.router.objects import endpoint, endpoint_slice, model, scaled


def test_a_model_that_says_nothing_has_the_defaults() -> None:
    read = read_model(model())
    assert (read.key, read.names, read.hold, read.concurrency) == ("team/tiny", ("tiny",), Hold(), None)
    assert not read.stopped
    assert not read.model_optional


def test_its_names_are_those_of_its_gateways() -> None:
    names = {"servedName": "a", "aliases": ["b"], "adapters": [{"name": "c", "source": "pvc://c"}]}
    assert read_model(model(model=names)).names == ("a", "b", "c")


@pytest.mark.parametrize(("spec", "stopped"), [({"replicas": 0}, True), ({"replicas": 1}, False)])
def test_nothing_starts_a_model_at_zero_without_autoscaling(spec: dict[str, Any], stopped: bool) -> None:
    assert read_model(model(**spec)).stopped == stopped
    assert not read_model(model(**spec, autoscaling=scaled())).stopped


@pytest.mark.parametrize(
    ("asked", "found", "seconds"),
    [
        ({"holdTimeoutSeconds": 7}, {"holdTimeoutSeconds": 900}, 7),
        ({}, {"holdTimeoutSeconds": 900}, 900),
        ({}, {"coldStartSeconds": {"p90": 400}}, 1200),
        ({}, {"coldStartSeconds": {"p90": 10}}, 600),
        ({}, {"coldStartSeconds": {"p90": 5000}}, 3600),
    ],
)
def test_how_long_a_request_is_held(asked: Any, found: Any, seconds: int) -> None:
    read = read_model(model(autoscaling=scaled(scaleFromZero=asked), status={"autoscaling": found}))
    assert read.hold.timeout_seconds == seconds


def test_the_expected_start_is_the_operators_or_the_usual_one() -> None:
    told = {"autoscaling": {"expectedReadySeconds": 33, "coldStartSeconds": {"p90": 60}}}
    assert read_model(model(status=told)).hold.expected_ready_seconds == 33
    del told["autoscaling"]["expectedReadySeconds"]
    assert read_model(model(status=told)).hold.expected_ready_seconds == 60


def test_a_pods_bound_is_the_owners_or_the_learned_one() -> None:
    learned = {"autoscaling": {"inputs": {"concurrency": 12.5}}}
    assert read_model(model(autoscaling=scaled(), status=learned)).concurrency == 12.5
    owners = model(autoscaling=scaled(maxConcurrency=4), status=learned)
    assert read_model(owners).concurrency == 4
    assert read_model(model(autoscaling=scaled(), engine={"maxRunningRequests": 8})).concurrency == 8
    assert read_model(model(status=learned)).concurrency is None


def test_pods_that_drain_and_what_the_model_waits_for() -> None:
    status = {
        "endpoints": [{"pod": "a", "state": "Draining"}, {"pod": "b", "state": "Ready"}],
        "conditions": [{"type": "Ready", "status": "False", "reason": "R", "message": "m"}],
    }
    read = read_model(model(status=status))
    assert (read.draining, read.waits_for) == (frozenset({"a"}), "R: m")


@pytest.mark.parametrize("service", ["tiny", "tiny-pods"])
def test_ready_endpoints_of_a_models_service_are_its_pods(service: str) -> None:
    unready, unknown = endpoint("10.0.0.2", "b", ready=False), endpoint("10.0.0.3", "c", ready=None)
    read = read_slice(endpoint_slice(endpoint("10.0.0.1", "a"), unready, unknown, service=service))
    assert read
    assert read.model == "team/tiny"
    assert read.ready == {Address("a", "10.0.0.1", 8000), Address("c", "10.0.0.3", 8000)}


@pytest.mark.parametrize("other", [{"service": "tiny-metrics"}, {"name": ""}])
def test_slices_of_other_services_are_not(other: Any) -> None:
    assert read_slice(endpoint_slice(endpoint("10.0.0.1", "a"), **other)) is None


def test_a_slice_without_the_apis_port_has_no_pods() -> None:
    read = read_slice(endpoint_slice(endpoint("10.0.0.1", "a"), port_name="metrics"))
    assert read
    assert not read.ready
