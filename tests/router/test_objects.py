"""What is read of ModelDeployments and EndpointSlices, whatever they have."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_gateway.bounds import (
    MAX_CONCURRENCY,
    MAX_QUOTED_CHARACTERS,
    MAX_SLICE_ENDPOINTS,
    MAX_START_SECONDS,
)
from fairlead_gateway.router.balancing import concurrency_limit
from fairlead_gateway.router.endpoint_slices import Address, read_slice
from fairlead_gateway.router.models import Hold, read_model
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
    record_load = {"autoscaling": {"expectedReadySeconds": 33, "coldStartSeconds": {"p90": 60}}}
    assert read_model(model(status=record_load)).hold.expected_ready_seconds == 33
    del record_load["autoscaling"]["expectedReadySeconds"]
    assert read_model(model(status=record_load)).hold.expected_ready_seconds == 60


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


def test_its_age_and_the_names_that_were_granted_to_it_are_read() -> None:
    document = model(status={"servedModels": ["tiny", "small"]})
    document["metadata"]["creationTimestamp"] = "2026-01-01T12:00:00Z"
    read = read_model(document)
    assert (read.created, sorted(read.granted)) == ("2026-01-01T12:00:00Z", ["small", "tiny"])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-01T12:00:00Z", 1767268800),
        ("2026-01-01T13:00:00+01:00", 1767268800),
        (None, 0),
        ("", 0),
        ("yesterday", 0),
        ("2026-01-01T12:00:00", 0),
        ("2026-01-01", 0),
        ("1969-12-31T23:59:59Z", 0),
        ("0001-01-01T00:00:00+23:59", 0),
        ("9" * 100_000, 0),
        ("\ud800" * 20, 0),
    ],
)
def test_its_age_in_seconds_is_a_time_or_0(text: str | None, seconds: int) -> None:
    document = model()
    document["metadata"]["creationTimestamp"] = text
    assert read_model(document).created_seconds == seconds


def test_an_object_without_a_time_is_younger_than_every_other() -> None:
    old = model()
    old["metadata"]["creationTimestamp"] = "9999-01-01T00:00:00Z"
    assert read_model(old).rank("tiny") < read_model(model()).rank("tiny")


@pytest.mark.parametrize(
    "names", [{"aliases": [7]}, {"servedName": {"a": 1}}, {"adapters": [{"name": None}]}]
)
def test_a_name_that_is_no_text_is_not_understood(names: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        read_model(model(model=names))


def test_what_a_status_says_is_bounded() -> None:
    inputs = {"inputs": {"concurrency": 1e308}, "expectedReadySeconds": 10**30}
    ready = {"type": "Ready", "status": "False", "reason": "R", "message": "m" * 32_768}
    read = read_model(model(autoscaling=scaled(), status={"autoscaling": inputs, "conditions": [ready]}))
    assert read.concurrency == MAX_CONCURRENCY
    assert concurrency_limit(read.concurrency) >= MAX_CONCURRENCY
    assert read.hold.expected_ready_seconds == MAX_START_SECONDS
    assert len(read.waits_for) == MAX_QUOTED_CHARACTERS


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


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
    ],
)
def test_an_address_that_no_pod_has_gets_no_requests(host: str) -> None:
    read = read_slice(endpoint_slice(endpoint(host, "a"), endpoint("10.0.0.1", "b")), port=8000)
    assert read
    assert read.ready == {Address("b", "10.0.0.1", 8000)}


def test_a_port_that_no_gateway_has_gets_no_requests() -> None:
    read = read_slice(endpoint_slice(endpoint("10.0.0.1", "a"), port=5432), port=8000)
    assert read
    assert not read.ready


def test_of_one_slice_a_bounded_number_of_endpoints_counts() -> None:
    many = [endpoint(f"10.0.{n >> 8}.{n & 255}", f"pod-{n}") for n in range(MAX_SLICE_ENDPOINTS + 7)]
    read = read_slice(endpoint_slice(*many))
    assert read
    assert len(read.ready) == MAX_SLICE_ENDPOINTS
