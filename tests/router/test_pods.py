"""How much a pod has to do, and when it is left alone."""

from __future__ import annotations

from fairlead_gateway.router.endpoint_slices import Address
from fairlead_gateway.router.pods import Pod


def pod() -> Pod:
    return Pod(Address("a", "10.0.0.1", 8000))


def test_the_load_of_a_pod_includes_requests_of_other_routers() -> None:
    one = pod()
    one.began()
    one.record_load(b"5/-", 0)
    assert one.load == 5
    one.began()
    assert one.load == 6
    one.ended()
    one.ended()
    assert one.load == 4


def test_an_old_load_report_expires() -> None:
    one = pod()
    one.record_load(b"5/16", 0)
    one.forget_old_report(5)
    assert one.load == 5
    one.forget_old_report(11)
    assert one.load == 0


def test_an_invalid_load_report_is_ignored() -> None:
    one = pod()
    one.record_load(b"running=3", 0)
    assert one.load == 0


def test_an_unreachable_pod_opens_its_circuit_breaker_immediately() -> None:
    one = pod()
    one.failed(0, reached=False)
    assert not one.available(0.4)
    assert one.available(0.6)


def test_a_failing_pod_opens_its_circuit_breaker_after_several_failures_in_a_row() -> None:
    one = pod()
    one.failed(0, reached=True)
    one.failed(0, reached=True)
    one.worked()
    one.failed(0, reached=True)
    one.failed(0, reached=True)
    assert one.available(0)
    one.failed(0, reached=True)
    assert not one.available(0)


def test_an_open_circuit_breaker_admits_a_single_trial_request() -> None:
    one = pod()
    one.failed(0, reached=False)
    one.began()
    assert not one.available(1)
    one.worked()
    assert one.available(1)


def test_a_trial_that_its_client_abandoned_is_followed_by_another() -> None:
    one = pod()
    one.failed(0, reached=False)
    one.began()
    one.ended()
    assert one.available(1)


def test_the_pauses_of_the_circuit_breaker_grow_up_to_a_maximum() -> None:
    one, pauses = pod(), []
    for _ in range(12):
        one.failed(0, reached=False)
        pauses.append(next(seconds for seconds in range(100) if one.available(seconds)))
    assert pauses == sorted(pauses)
    assert pauses[-1] == 30
