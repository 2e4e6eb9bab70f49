"""Accelerator-seconds: a counter of what pods held, which outlives them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fairlead_operator.controller.accelerator_meter import AcceleratorMeter, Holding

GPU = "nvidia.com/gpu"


def pod(uid: str = "a", count: int = 2, seconds: float = 0.0, resource: str = GPU) -> Holding:
    return Holding(uid, {resource: count}, seconds)


def test_a_pod_counts_its_accelerators_for_as_long_as_it_holds_them() -> None:
    meter = AcceleratorMeter()
    meter.observe([pod()], 100)
    assert meter.totals(110) == {GPU: 20}
    meter.observe([pod(seconds=30)], 130)
    assert meter.totals(130) == {GPU: 60}


def test_what_a_gone_pod_held_stays_counted() -> None:
    meter = AcceleratorMeter()
    meter.observe([pod()], 100)
    meter.observe([], 110)
    assert meter.totals(500) == {GPU: 20}


def test_a_pod_that_appears_later_counts_from_when_it_was_bound() -> None:
    meter = AcceleratorMeter()
    meter.observe([], 100)
    meter.observe([pod(seconds=4)], 110)
    assert meter.totals(110) == {GPU: 8}


def test_what_pods_held_before_the_first_observation_is_not_counted() -> None:
    meter = AcceleratorMeter()
    meter.observe([pod(seconds=9000)], 100)
    assert meter.totals(100) == {GPU: 0}


def test_a_clock_of_the_cluster_that_is_behind_adds_nothing_from_before_the_last_observation() -> None:
    meter = AcceleratorMeter()
    meter.observe([], 100)
    meter.observe([pod(seconds=9000)], 110)
    assert meter.totals(110) == {GPU: 20}


def test_a_clock_of_the_cluster_that_is_ahead_subtracts_nothing() -> None:
    meter = AcceleratorMeter()
    meter.observe([], 100)
    meter.observe([pod(seconds=-50)], 110)
    assert meter.totals(110) == {GPU: 0}


def test_each_resource_is_counted_apart() -> None:
    meter = AcceleratorMeter()
    meter.observe([pod("a"), pod("b", 1, resource="gpu.example.com")], 0)
    assert meter.totals(10) == {GPU: 20, "gpu.example.com": 10}


OBSERVATIONS = st.lists(
    st.tuples(
        st.floats(0, 100),
        st.lists(
            st.builds(pod, st.sampled_from("abc"), st.integers(0, 8), st.floats(-100, 1000)),
            max_size=3,
            unique_by=lambda holding: holding.pod_uid,
        ),
    )
)


@given(OBSERVATIONS)
def test_the_counter_never_falls(observations: list[tuple[float, list[Holding]]]) -> None:
    meter, now, seen = AcceleratorMeter(), 0.0, 0.0
    for later, holdings in observations:
        for _ in range(2):
            total = meter.totals(now).get(GPU, 0.0)
            assert total >= seen - 1e-6 * max(1.0, seen)
            seen = total
            now += later
        meter.observe(holdings, now)
