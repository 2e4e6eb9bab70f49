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


def test_a_model_without_settings_has_the_defaults() -> None:
    read = read_model(model())
    assert (read.key, read.names, read.hold, read.concurrency) == ("team/tiny", ("tiny",), Hold(), None)
    assert not read.stopped
    assert not read.model_optional


def test_a_model_has_its_served_name_aliases_and_adapters_as_names() -> None:
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
def test_the_hold_timeout_comes_from_spec_or_status(asked: Any, found: Any, seconds: int) -> None:
    read = read_model(model(autoscaling=scaled(scaleFromZero=asked), status={"autoscaling": found}))
    assert read.hold.timeout_seconds == seconds


def test_the_expected_cold_start_comes_from_the_status_or_is_the_default() -> None:
    record_load = {"autoscaling": {"expectedReadySeconds": 33, "coldStartSeconds": {"p90": 60}}}
    assert read_model(model(status=record_load)).hold.expected_ready_seconds == 33
    del record_load["autoscaling"]["expectedReadySeconds"]
    assert read_model(model(status=record_load)).hold.expected_ready_seconds == 60


def test_the_concurrency_limit_comes_from_the_spec_or_is_learned() -> None:
    learned = {"autoscaling": {"inputs": {"concurrency": 12.5}}}
    assert read_model(model(autoscaling=scaled(), status=learned)).concurrency == 12.5
    owners = model(autoscaling=scaled(maxConcurrency=4), status=learned)
    assert read_model(owners).concurrency == 4
    assert read_model(model(autoscaling=scaled(), engine={"maxRunningRequests": 8})).concurrency == 8
    assert read_model(model(status=learned)).concurrency is None


def test_draining_pods_and_the_ready_reason_are_read_from_the_status() -> None:
    status = {
        "endpoints": [{"pod": "a", "state": "Draining"}, {"pod": "b", "state": "Ready"}],
        "conditions": [{"type": "Ready", "status": "False", "reason": "R", "message": "m"}],
    }
    read = read_model(model(status=status))
    assert (read.draining, read.waits_for) == (frozenset({"a"}), "R: m")


def test_the_creation_time_and_granted_names_of_a_model_are_read() -> None:
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
def test_an_invalid_creation_time_is_read_as_0(text: str | None, seconds: int) -> None:
    document = model()
    document["metadata"]["creationTimestamp"] = text
    assert read_model(document).created_seconds == seconds


def test_an_object_without_a_creation_time_is_younger_than_every_other() -> None:
    old = model()
    old["metadata"]["creationTimestamp"] = "9999-01-01T00:00:00Z"
    assert read_model(old).rank("tiny") < read_model(model()).rank("tiny")


@pytest.mark.parametrize(
    "names", [{"aliases": [7]}, {"servedName": {"a": 1}}, {"adapters": [{"name": None}]}]
)
def test_a_model_name_that_is_not_a_string_is_refused(names: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        read_model(model(model=names))


def test_the_data_read_from_a_status_is_bounded() -> None:
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
def test_endpoint_slices_of_other_services_are_ignored(other: Any) -> None:
    assert read_slice(endpoint_slice(endpoint("10.0.0.1", "a"), **other)) is None


def test_an_endpoint_slice_without_the_api_port_has_no_pods() -> None:
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
def test_an_address_that_cannot_be_a_pods_is_ignored(host: str) -> None:
    read = read_slice(endpoint_slice(endpoint(host, "a"), endpoint("10.0.0.1", "b")), port=8000)
    assert read
    assert read.ready == {Address("b", "10.0.0.1", 8000)}


def test_a_port_that_cannot_be_a_gateways_is_ignored() -> None:
    read = read_slice(endpoint_slice(endpoint("10.0.0.1", "a"), port=5432), port=8000)
    assert read
    assert not read.ready


def test_the_number_of_endpoints_of_one_slice_is_bounded() -> None:
    many = [endpoint(f"10.0.{n >> 8}.{n & 255}", f"pod-{n}") for n in range(MAX_SLICE_ENDPOINTS + 7)]
    read = read_slice(endpoint_slice(*many))
    assert read
    assert len(read.ready) == MAX_SLICE_ENDPOINTS
