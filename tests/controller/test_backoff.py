"""Silent pods are queried with growing pauses, and delay reconciles by only a few seconds in total."""

from __future__ import annotations

from fairlead_operator.bounds import (
    FIRST_BACKOFF_SECONDS,
    LONGEST_BACKOFF_SECONDS,
    PATIENCE_LEAST_SECONDS,
    PATIENCE_REGAINED_PER_SECOND,
    PATIENCE_SECONDS,
    REMEMBERED_FAILURES,
)
from fairlead_operator.controller.backoff import Backoff, NamespaceTimeBudget
from tests.support.clock import Clock


def test_a_pod_without_an_earlier_query_may_be_queried() -> None:
    assert Backoff(Clock(1000.0)).may_query("pod")


def test_the_pause_after_a_failure_doubles_up_to_its_bound() -> None:
    clock = Clock(1000.0)
    backoff, expected = Backoff(clock), FIRST_BACKOFF_SECONDS
    for _ in range(10):
        backoff.failed("pod")
        clock.now += expected - 0.01
        assert not backoff.may_query("pod")
        clock.now += 0.01
        assert backoff.may_query("pod")
        expected = min(2 * expected, LONGEST_BACKOFF_SECONDS)


def test_a_successful_answer_ends_the_pause() -> None:
    backoff = Backoff(Clock(1000.0))
    backoff.failed("pod")
    backoff.answered("pod")
    assert backoff.may_query("pod")


def test_the_pauses_of_many_pods_take_little_memory() -> None:
    backoff = Backoff(Clock(1000.0))
    for number in range(3 * REMEMBERED_FAILURES):
        backoff.failed(f"pod-{number}")
    assert len(backoff._failed) == REMEMBERED_FAILURES
    assert not backoff.may_query(f"pod-{3 * REMEMBERED_FAILURES - 1}")


def test_time_spent_on_silent_pods_reduces_the_namespaces_budget() -> None:
    patience = NamespaceTimeBudget(Clock(1000.0))
    assert patience.left("a") == PATIENCE_SECONDS
    patience.spent("a", 3.0)
    assert patience.left("a") == PATIENCE_SECONDS - 3.0


def test_time_spent_by_one_namespace_does_not_reduce_anothers_budget() -> None:
    patience = NamespaceTimeBudget(Clock(1000.0))
    patience.spent("a", 100.0)
    assert patience.left("b") == PATIENCE_SECONDS


def test_the_time_budget_of_a_namespace_never_falls_below_its_minimum() -> None:
    patience = NamespaceTimeBudget(Clock(1000.0))
    patience.spent("a", 100.0)
    assert patience.left("a") == PATIENCE_LEAST_SECONDS


def test_silent_pods_of_a_namespace_cost_only_minutes_per_hour() -> None:
    clock, hour = Clock(1000.0), 3600.0
    patience, waited = NamespaceTimeBudget(clock), 0.0
    while clock.now < 1000.0 + hour:
        left = patience.left("a")
        if left > PATIENCE_LEAST_SECONDS:
            patience.spent("a", left)
            clock.now += left
            waited += left
        clock.now += 1.0
    assert waited <= PATIENCE_SECONDS + PATIENCE_REGAINED_PER_SECOND * hour
