"""Which pod a request goes to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from fairlead_gateway.router.balancing import LOAD_FACTOR, concurrency_limit, hash64, pick


@dataclass
class Pod:
    name: str
    load: float = 0
    seed: int = field(init=False)

    def __post_init__(self) -> None:
        self.seed = hash64(self.name.encode())


def pods(*loads: float) -> list[Pod]:
    return [Pod(f"pod-{number}", load) for number, load in enumerate(loads)]


def chosen(targets: list[Pod], affinity: int = 0, sticky: bool = False, limit: float = float("inf")) -> str:
    target = pick(targets, affinity, sticky, limit)
    return target.name if target else ""


def test_the_least_loaded_pod_is_chosen() -> None:
    assert chosen(pods(3, 1, 2)) == "pod-1"


def test_pods_of_equal_load_get_equal_shares() -> None:
    targets = pods(1, 1, 1, 9)
    counts = Counter(chosen(targets, affinity=hash64(b"%d" % number)) for number in range(3000))
    assert set(counts) == {"pod-0", "pod-1", "pod-2"}
    assert min(counts.values()) > 850


def test_requests_with_the_same_affinity_go_to_the_same_pod() -> None:
    targets = pods(1, 1, 1, 1)
    assert len({chosen(targets, affinity=7, sticky=True) for _ in range(5)}) == 1
    reordered = chosen(targets[::-1], affinity=7, sticky=True)
    assert reordered == chosen(targets, affinity=7, sticky=True)


def test_affinities_spread_over_the_pods() -> None:
    targets = pods(1, 1, 1, 1)
    counts = Counter(chosen(targets, hash64(b"%d" % number), sticky=True) for number in range(4000))
    assert len(counts) == 4
    assert min(counts.values()) > 850


def test_affinity_does_not_overload_a_pod() -> None:
    targets = pods(0, 0, 0, 0)
    for _ in range(400):
        target = pick(targets, 7, sticky=True)
        assert target
        target.load += 1
    assert max(pod.load for pod in targets) <= LOAD_FACTOR * 100 + 1


def test_an_added_pod_moves_only_the_affinities_that_it_takes_over() -> None:
    before, after = pods(1, 1, 1), pods(1, 1, 1, 1)
    affinities = [hash64(b"%d" % number) for number in range(500)]
    moved = {
        chosen(after, affinity, sticky=True)
        for affinity in affinities
        if chosen(before, affinity, sticky=True) != chosen(after, affinity, sticky=True)
    }
    assert moved == {"pod-3"}


def test_a_pod_at_its_limit_is_not_chosen() -> None:
    assert chosen(pods(4, 3), limit=4) == "pod-1"
    assert chosen(pods(4, 4), limit=4) == ""
    assert chosen([]) == ""


def test_without_a_learned_concurrency_there_is_no_limit() -> None:
    assert concurrency_limit(None) == float("inf")
    assert concurrency_limit(80) == 160
    assert concurrency_limit(0.2) == 1


loads = st.lists(st.one_of(st.integers(0, 50), st.floats(0, 50)), min_size=1, max_size=8)


@given(loads=loads, affinity=st.integers(0, 2**64 - 1), sticky=st.booleans())
def test_without_a_limit_a_pod_is_always_chosen(loads: list[float], affinity: int, sticky: bool) -> None:
    assert chosen(pods(*loads), affinity, sticky)


@given(loads=loads, affinity=st.integers(0, 2**64 - 1), sticky=st.booleans(), limit=st.integers(1, 60))
def test_no_chosen_pod_is_ever_above_the_limit(
    loads: list[float], affinity: int, sticky: bool, limit: int
) -> None:
    target = pick(pods(*loads), affinity, sticky, limit)
    assert (target is None) == all(load >= limit for load in loads)
    assert target is None or target.load < limit
