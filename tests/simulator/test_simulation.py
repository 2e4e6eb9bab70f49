"""Whole runs: GPU time by hand, the same seed the same figures, and the cluster's rules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fairlead_operator.autoscale.settings import Settings
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.experiments import HALVES, Run, Sources, perform
from tests.simulator.plane import Engine, Plane, Routing
from tests.simulator.policies.base import Order, View
from tests.simulator.policies.fairlead import Fairlead
from tests.simulator.policies.static import Static
from tests.simulator.simulation import Setup, Simulation
from tests.simulator.workloads import HELD_OUT, TRAINING, WARM_UP, Trouble, Workload, on_off, steady


class Scripted:
    """Orders by the clock: the last entry whose time has come."""

    period = 5.0
    wake_seconds: float | None = None

    def __init__(self, script: dict[float, int]) -> None:
        self.script = script
        self.restarted: list[float] = []

    def decide(self, view: View) -> Order:
        """See the class."""
        return Order([count for at, count in self.script.items() if at <= view.at][-1])

    def restart(self, at: float) -> None:
        """Remembers it."""
        self.restarted.append(at)


def quiet(hours: float = 1.0, trouble: Trouble | None = None) -> Workload:
    """One small request at the end of the counted time, on one pod."""
    end = WARM_UP + hours * 3600
    ones = np.ones(1, dtype=np.int32)
    return Workload("quiet", np.array([end - 1]), ones, ones, 1, end, trouble=trouble or Trouble())


def test_gpu_hours_are_those_of_pods_with_a_gpu_in_the_counted_time() -> None:
    figures = Simulation(quiet(), Scripted({0.0: 1, WARM_UP: 3, WARM_UP + 1800: 1}), Setup(60.0)).run()
    # One all the time, two more for half an hour (5 s looks).
    assert figures.gpu_hours == pytest.approx(1 + 2 * 0.5, abs=0.01)
    assert figures.created == 2
    assert (figures.scalings, figures.flaps) == (2, 0)


def test_a_change_back_within_ten_minutes_is_a_flap() -> None:
    script = {0.0: 1, WARM_UP + 100: 2, WARM_UP + 200: 1, WARM_UP + 1500: 2}
    figures = Simulation(quiet(), Scripted(script), Setup(60.0)).run()
    assert (figures.scalings, figures.flaps) == (3, 1)


def test_pods_beyond_the_gpus_wait_and_count_no_gpu_hours() -> None:
    workload = quiet(trouble=Trouble(gpus=2))
    figures = Simulation(workload, Scripted({0.0: 5}), Setup(60.0)).run()
    assert figures.most_unschedulable == 3
    assert figures.gpu_hours == pytest.approx(2.0)


def test_a_restart_is_reported_once() -> None:
    policy = Scripted({0.0: 1})
    Simulation(quiet(trouble=Trouble(restarts=(700.0, 900.0))), policy, Setup(60.0)).run()
    assert policy.restarted == [700.0, 900.0]


def test_cold_starts_have_the_configured_length_for_every_system() -> None:
    empty = np.zeros(0), np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32)
    lengths = []
    for _ in range(2):
        with Plane(*empty, Engine(), Routing(8)) as plane:
            cluster = SimulatedCluster(plane, Trouble(gpus=200), 100.0, 600.0, (0.0, 1e6))
            cluster.scale(0.0, 200, (), ())
            lengths.append([pod.cold_start for pod in cluster.pods])
    assert lengths[0] == lengths[1]
    assert np.median(lengths[0]) == pytest.approx(100.0, rel=0.1)


def test_a_named_pod_drains_first_and_serves_again_when_called_back() -> None:
    arrival, tokens = np.array([1.0, 1.0]), np.full(2, 400, dtype=np.int32)
    with Plane(arrival, tokens, tokens, Engine(), Routing(8)) as plane:
        cluster = SimulatedCluster(plane, Trouble(), 10.0, 600.0, (0.0, 1e6))
        cluster.begin(2)
        plane.advance(2.0)
        cluster.scale(2.0, 1, ("pod-0",), ())
        assert [pod.name for pod in cluster.active()] == ["pod-1"]
        assert len(cluster.pods) == 2  # it drains
        cluster.scale(3.0, 2, (), ("pod-0",))
        assert [pod.name for pod in cluster.active()] == ["pod-0", "pod-1"]
        cluster.scale(4.0, 1, ("pod-0",), ())
        plane.advance(300.0)
        cluster.advance(300.0)
        assert [pod.name for pod in cluster.pods] == ["pod-1"]
        # pod-0 from 0 to the end of its request, pod-1 until now.
        cluster.end(300.0)
        assert cluster.gpu_seconds == pytest.approx(300.0 + float(plane.last[0]), abs=0.1)


def test_without_a_drain_period_running_requests_are_lost() -> None:
    workload = replace(steady(np.random.default_rng(1)), end=WARM_UP + 600)
    kept = workload.arrival < workload.end
    arrays = {name: getattr(workload, name)[kept] for name in ("arrival", "prompt", "output")}
    workload = replace(workload, **arrays)
    script = {0.0: 4, WARM_UP + 100: 3}
    drained = Simulation(workload, Scripted(script), Setup(60.0)).run()
    aborted = Simulation(workload, Scripted(script), Setup(60.0, drain_seconds=0.0)).run()
    assert drained.lost["aborted"] == 0
    assert aborted.lost["aborted"] > 0


def test_the_products_autoscaler_wakes_from_zero_without_losses() -> None:
    workload = on_off(np.random.default_rng(1))
    policy = Fairlead(Settings(max_replicas=8), Engine())
    figures = Simulation(workload, policy, Setup(60.0), own_router=True).run()
    assert sum(figures.lost.values()) == 0
    assert figures.wake_ttft is not None
    assert 30 < figures.wake_ttft < 120


@pytest.mark.parametrize("system", ["Fairlead", "Knative"])
def test_the_figures_depend_only_on_the_seed(system: str) -> None:
    point = "Balanced" if system == "Fairlead" else "28"
    runs = [Run(system, point, "flash", seed, 60.0) for seed in (1, 1, 2)]
    figures = [perform(run, Sources()).figures for run in runs]
    assert figures[0] == figures[1]
    assert figures[0] != figures[2]


def test_tuning_and_evaluation_share_neither_workload_nor_seed() -> None:
    training, held_out = HALVES["training"], HALVES["held-out"]
    assert not set(training.workloads) & set(held_out.workloads)
    assert not set(training.seeds) & set(held_out.seeds)


@pytest.mark.parametrize("name", [*TRAINING, *HELD_OUT])
def test_every_workload_is_sorted_and_ends_within_its_duration(name: str) -> None:
    workload = {**TRAINING, **HELD_OUT}[name](np.random.default_rng(1))
    assert (np.diff(workload.arrival) >= 0).all()
    assert workload.arrival[-1] < workload.end
    assert (workload.arrival >= WARM_UP).sum() > 1000


def test_a_static_replica_count_is_not_changed() -> None:
    figures = Simulation(quiet(), Static(1, 8), Setup(60.0)).run()
    assert figures.gpu_hours == pytest.approx(1.0)
    assert figures.scalings == 0
