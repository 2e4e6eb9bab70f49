"""How long pods take to start."""

from __future__ import annotations

import pytest

from fairlead_operator.autoscale.cold_starts import KEPT, PRIOR, ColdStarts
from fairlead_operator.autoscale.inputs import ObservedPod
from fairlead_operator.autoscale.memory import Start


def pod(
    created: float = 0, scheduled: float | None = 0, ready: float | None = None, *, stuck: bool = False
) -> ObservedPod:
    return ObservedPod("a", created, scheduled, ready, stuck=stuck)


def started(*seconds: float) -> ColdStarts:
    return ColdStarts([Start(0.0, each) for each in seconds])


def test_a_pod_that_becomes_ready_is_one_cold_start_sample() -> None:
    cold = ColdStarts()
    cold.observe(())
    cold.observe((pod(0, 10),))
    cold.observe((pod(0, 10, 70),))
    cold.observe((pod(0, 10, 70),))
    assert cold.starts == (Start(10, 60),)


def test_a_pod_that_regains_readiness_is_not_a_second_sample() -> None:
    cold = ColdStarts()
    cold.observe(())
    for ready in (60, None, 5000):
        cold.observe((pod(0, 0, ready),))
    assert cold.starts == (Start(0, 60),)


def test_a_pod_ready_before_the_operator_started_is_not_a_new_sample() -> None:
    cold = ColdStarts([Start(0, 60)])
    cold.observe((pod(0, 0, 60),))
    assert cold.starts == (Start(0, 60),)


def test_the_last_20_cold_starts_are_kept() -> None:
    cold = ColdStarts()
    cold.observe(())
    for i in range(KEPT + 5):
        cold.observe((ObservedPod(f"p{i}", 0, 0, ready=100.0 + i),))
    assert [start[1] for start in cold.starts] == [105.0 + i for i in range(KEPT)]


def test_the_cold_start_quantile_covers_nine_of_ten_starts() -> None:
    assert started(*range(10, 120, 10)).total(0.9) == pytest.approx(100)
    assert started(*range(10, 120, 10)).total(0.5) == pytest.approx(60)
    assert ColdStarts().total(0.9) == PRIOR


def test_cold_starts_of_another_kind_are_not_used() -> None:
    cold = ColdStarts([Start(0.0, 600.0, "large")] * 5)
    cold.observe((), "small")
    assert cold.total(0.9) == 600, "better than nothing"

    cold.observe((ObservedPod("a", 0, 0, ready=30),), "small")

    assert cold.total(0.9) == 30
    assert cold.remaining(pod(0, 0), at=10) == pytest.approx(20)
    assert cold.is_stuck(pod(0, 0), at=100)


def test_cold_starts_of_the_former_kind_are_remembered() -> None:
    cold = ColdStarts([Start(0.0, 600.0, "large"), Start(0.0, 30.0, "small")])
    cold.observe((), "large")
    assert cold.total(0.9) == 600


def test_a_pod_of_the_former_revision_is_not_a_sample() -> None:
    cold = ColdStarts()
    cold.observe((), "small")
    cold.observe((ObservedPod("a", 0, 0, ready=600, outdated=True),), "small")
    assert cold.starts == ()


def test_the_remaining_start_time_excludes_the_elapsed_phases() -> None:
    cold = ColdStarts([Start(40.0, 60.0)] * 5)
    assert cold.remaining(pod(0, None), at=10) == pytest.approx(90)
    assert cold.remaining(pod(0, 40), at=50) == pytest.approx(50)


def test_a_pod_slower_than_quick_starts_is_compared_with_slow_ones() -> None:
    cold = started(*[30.0] * 18, 200.0, 200.0)
    assert cold.remaining(pod(0, 0), at=40) == pytest.approx(160)


def test_a_pod_slower_than_all_starts_is_not_expected_immediately() -> None:
    assert started(60.0).remaining(pod(0, 0), at=100) == pytest.approx(25)


def test_slower_cold_starts_are_noticed_before_they_end() -> None:
    assert started(60.0).lead([pod(0, 0)], at=150) == 150


def test_a_pod_that_takes_three_times_the_usual_start_is_stuck() -> None:
    cold = started(60.0)
    assert not cold.is_stuck(pod(0, 0), at=170)
    assert cold.is_stuck(pod(0, 0), at=190)
    assert cold.is_stuck(pod(0, 0, stuck=True), at=1)
    assert not cold.is_stuck(pod(0, 0, ready=60), at=9999)


def test_the_first_cold_start_is_not_stuck_before_1500_seconds() -> None:
    assert not ColdStarts().is_stuck(pod(0, 0), at=1500)
    assert ColdStarts().is_stuck(pod(0, 0), at=2000)
