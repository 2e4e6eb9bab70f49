"""Sums of counters only rise, whatever their processes do, and begin with what comes."""

from __future__ import annotations

from fairlead_operator.controller.ledger import Ledger


def test_what_was_counted_before_the_first_look_is_left_out() -> None:
    ledger = Ledger()
    ledger.add("router-1", "a", {"arrivals": 1_000_000})
    ledger.add("router-1", "a", {"arrivals": 1_000_003})
    assert ledger.totals["arrivals"] == 3


def test_sources_add_up() -> None:
    ledger = Ledger()
    for value in (10, 12):
        ledger.add("router-1", "a", {"arrivals": value})
        ledger.add("router-2", "b", {"arrivals": 2 * value})
    assert ledger.totals["arrivals"] == 6


def test_a_process_that_restarted_has_counted_everything_anew() -> None:
    ledger = Ledger()
    ledger.add("router-1", "a", {"arrivals": 10})
    ledger.add("router-1", "b", {"arrivals": 30})
    assert ledger.totals["arrivals"] == 30


def test_an_engine_that_restarted_behind_its_gateway_counts_from_zero() -> None:
    ledger = Ledger()
    for value in (100, 120, 5):
        ledger.add("pod/tiny-1", "a", {"tokens": value})
    assert ledger.totals["tokens"] == 25


def test_what_does_not_count_is_not_added_later_either() -> None:
    ledger = Ledger()
    ledger.add("pod/tiny-1/router-1", "a", {"arrivals": 10})
    ledger.add("pod/tiny-1/router-1", "a", {"arrivals": 30}, counts=False)
    ledger.add("pod/tiny-1/router-1", "a", {"arrivals": 31})
    assert ledger.totals["arrivals"] == 1


def test_a_source_that_is_gone_leaves_what_it_counted() -> None:
    ledger = Ledger()
    for value in (10, 15):
        ledger.add("pod/tiny-1", "a", {"arrivals": value})
    ledger.keep([])
    assert ledger.totals["arrivals"] == 5


def test_a_counter_that_is_not_told_for_a_while_goes_on_where_it_was() -> None:
    ledger = Ledger()
    ledger.add("pod/tiny-1", "a", {"arrivals": 1, "tokens": 100})
    ledger.add("pod/tiny-1", "a", {"arrivals": 2})
    ledger.add("pod/tiny-1", "a", {"arrivals": 2, "tokens": 130})
    assert (ledger.totals["arrivals"], ledger.totals["tokens"]) == (1, 30)
