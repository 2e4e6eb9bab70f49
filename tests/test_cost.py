"""The cost of accelerators, shared among those who used them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead_contract.cost import cost, shares

SECONDS = st.floats(min_value=0, max_value=1e9)


@given(SECONDS, st.dictionaries(st.text(max_size=3), SECONDS, max_size=5))
def test_all_lines_together_are_what_was_held(held: float, work: dict[str, float]) -> None:
    found = shares(held, work)
    assert sum(found.used.values()) + found.idle == pytest.approx(held, rel=1e-9, abs=1e-6)
    assert found.idle >= 0
    assert found.used.keys() == work.keys()


def test_what_no_request_took_is_idle() -> None:
    found = shares(3600.0, {"a": 600.0, "b": 1200.0})
    assert (found.used, found.idle) == ({"a": 600.0, "b": 1200.0}, 1800.0)


def test_where_the_learned_cost_says_more_than_was_held_all_shares_are_cut_alike() -> None:
    found = shares(900.0, {"a": 600.0, "b": 1200.0})
    assert (found.used, found.idle) == ({"a": 300.0, "b": 600.0}, 0.0)


def test_a_price_is_for_one_accelerator_and_an_hour() -> None:
    assert cost(1800.0, 2.5) == pytest.approx(1.25)
