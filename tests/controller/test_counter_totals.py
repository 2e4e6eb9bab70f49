"""Sums of counters only rise, whatever their processes do, and begin with what comes."""

from __future__ import annotations

from fairlead_operator.controller.counter_totals import CounterTotals


def test_counts_from_before_the_first_reading_are_ignored() -> None:
    counters = CounterTotals()
    counters.add("router-1", "a", {"arrivals": 1_000_000})
    counters.add("router-1", "a", {"arrivals": 1_000_003})
    assert counters.totals["arrivals"] == 3


def test_the_total_is_the_sum_over_all_sources() -> None:
    counters = CounterTotals()
    for value in (10, 12):
        counters.add("router-1", "a", {"arrivals": value})
        counters.add("router-2", "b", {"arrivals": 2 * value})
    assert counters.totals["arrivals"] == 6


def test_the_whole_count_of_a_restarted_process_is_added() -> None:
    counters = CounterTotals()
    counters.add("router-1", "a", {"arrivals": 10})
    counters.add("router-1", "b", {"arrivals": 30})
    assert counters.totals["arrivals"] == 30


def test_an_engine_that_restarted_behind_its_gateway_counts_from_zero() -> None:
    counters = CounterTotals()
    for value in (100, 120, 5):
        counters.add("pod/tiny-1", "a", {"tokens": value})
    assert counters.totals["tokens"] == 25


def test_counts_marked_as_not_counting_are_never_added() -> None:
    counters = CounterTotals()
    counters.add("pod/tiny-1/router-1", "a", {"arrivals": 10})
    counters.add("pod/tiny-1/router-1", "a", {"arrivals": 30}, counts=False)
    counters.add("pod/tiny-1/router-1", "a", {"arrivals": 31})
    assert counters.totals["arrivals"] == 1


def test_the_counts_of_a_removed_source_stay_in_the_total() -> None:
    counters = CounterTotals()
    for value in (10, 15):
        counters.add("pod/tiny-1", "a", {"arrivals": value})
    counters.keep([])
    assert counters.totals["arrivals"] == 5


def test_a_counter_missing_for_a_while_continues_from_its_last_value() -> None:
    counters = CounterTotals()
    counters.add("pod/tiny-1", "a", {"arrivals": 1, "tokens": 100})
    counters.add("pod/tiny-1", "a", {"arrivals": 2})
    counters.add("pod/tiny-1", "a", {"arrivals": 2, "tokens": 130})
    assert (counters.totals["arrivals"], counters.totals["tokens"]) == (1, 30)
