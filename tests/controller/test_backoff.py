"""Pods that do not answer are asked less and less, and hold up reconciles for a few seconds in all."""

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


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_pod_that_was_never_asked_may_be_asked() -> None:
    assert Backoff(Clock()).may_ask("pod")


def test_the_pause_after_a_failure_doubles_up_to_its_bound() -> None:
    clock = Clock()
    backoff, expected = Backoff(clock), FIRST_BACKOFF_SECONDS
    for _ in range(10):
        backoff.failed("pod")
        clock.now += expected - 0.01
        assert not backoff.may_ask("pod")
        clock.now += 0.01
        assert backoff.may_ask("pod")
        expected = min(2 * expected, LONGEST_BACKOFF_SECONDS)


def test_an_answer_ends_the_pause() -> None:
    backoff = Backoff(Clock())
    backoff.failed("pod")
    backoff.answered("pod")
    assert backoff.may_ask("pod")


def test_the_pauses_of_many_pods_take_little_memory() -> None:
    backoff = Backoff(Clock())
    for number in range(3 * REMEMBERED_FAILURES):
        backoff.failed(f"pod-{number}")
    assert len(backoff._failed) == REMEMBERED_FAILURES
    assert not backoff.may_ask(f"pod-{3 * REMEMBERED_FAILURES - 1}")


def test_what_was_waited_in_vain_is_missing_afterwards() -> None:
    patience = NamespaceTimeBudget(Clock())
    assert patience.left("a") == PATIENCE_SECONDS
    patience.spent("a", 3.0)
    assert patience.left("a") == PATIENCE_SECONDS - 3.0


def test_one_namespace_has_not_spent_what_another_has() -> None:
    patience = NamespaceTimeBudget(Clock())
    patience.spent("a", 100.0)
    assert patience.left("b") == PATIENCE_SECONDS


def test_there_is_always_time_for_a_pod_that_answers() -> None:
    patience = NamespaceTimeBudget(Clock())
    patience.spent("a", 100.0)
    assert patience.left("a") == PATIENCE_LEAST_SECONDS


def test_in_an_hour_a_namespace_makes_others_wait_for_minutes_only() -> None:
    clock, hour = Clock(), 3600.0
    patience, waited = NamespaceTimeBudget(clock), 0.0
    while clock.now < 1000.0 + hour:
        left = patience.left("a")
        if left > PATIENCE_LEAST_SECONDS:
            patience.spent("a", left)
            clock.now += left
            waited += left
        clock.now += 1.0
    assert waited <= PATIENCE_SECONDS + PATIENCE_REGAINED_PER_SECOND * hour
