"""A resource that many share: no holder can take all of it, and what is given back is there again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead_gateway.admission.fair_shares import FairShares, address_holder


def test_one_holder_gets_at_most_a_third_of_what_is_free() -> None:
    shares = FairShares(900)

    assert shares.largest == 300
    assert shares.take("a", 300)
    assert not shares.take("a", 1)


def test_after_one_holder_has_its_share_the_next_holder_gets_one_too() -> None:
    shares = FairShares(900)
    shares.take("a", 300)

    assert shares.take("b", 200)
    assert shares.take("c", 133)
    assert not shares.take("a", 1)


def test_a_refused_amount_takes_nothing_from_the_share() -> None:
    shares = FairShares(900)
    shares.take("a", 301)

    assert (shares.used, shares.held("a")) == (0, 0)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 400))))
def test_for_any_holders_something_stays_free_and_everything_is_given_back(
    wanted: list[tuple[str, int]],
) -> None:
    shares = FairShares(1000)
    taken = [(holder, amount) for holder, amount in wanted if shares.take(holder, amount)]

    assert shares.used == sum(amount for _, amount in taken) < 1000
    assert shares.take("a newcomer", (1000 - shares.used) // 3)
    shares.give_back("a newcomer", shares.held("a newcomer"))
    for holder, amount in taken:
        shares.give_back(holder, amount)
    assert shares.used == 0
    assert not any(shares.held(holder) for holder in "abcdef")


@pytest.mark.parametrize(
    ("host", "holder"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("client", "client"),
        ("a:b", "a:b"),
    ],
)
def test_addresses_of_one_ipv6_network_share_one_holder(host: str, holder: str) -> None:
    assert address_holder(host) == holder
