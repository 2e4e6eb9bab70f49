"""Who goes first, and who comes back."""

from __future__ import annotations

from fairlead_operator.autoscale.cold_starts import ColdStarts
from fairlead_operator.autoscale.inputs import Observation, ObservedPod
from fairlead_operator.autoscale.pods import count, recall, removal
from tests.autoscale.builders import NOW, Model, ready, starting, unschedulable


def gone(*pods: ObservedPod, left: int) -> tuple[str, ...]:
    return removal(count(Observation(NOW, None, pods, len(pods)), ColdStarts()), left)


def back(*pods: ObservedPod, wanted: int) -> tuple[str, ...]:
    return recall(count(Observation(NOW, None, pods, len(pods)), ColdStarts()), wanted)


def test_those_that_serve_nobody_go_before_those_that_do() -> None:
    pods = (
        ready("serves"),
        starting("young", age=5),
        starting("old", age=50),
        starting("stuck", stuck=True),
        starting("unplaced", scheduled=None),
        unschedulable("nowhere"),
    )
    assert gone(*pods, left=0) == ("nowhere", "unplaced", "stuck", "young", "old", "serves")


def test_of_those_that_serve_the_idlest_goes() -> None:
    pods = (ready("a", in_flight=3), ready("b", in_flight=1), ready("c", in_flight=2))
    assert gone(*pods, left=1) == ("b", "c")


def test_an_earlier_revision_goes_before_the_present_one() -> None:
    assert gone(ready("new"), ready("old", in_flight=9, outdated=True), left=1) == ("old",)


def test_of_equally_idle_ones_the_emptier_cache_goes() -> None:
    assert gone(ready("warm", age=5000), ready("cold", age=100), left=1) == ("cold",)


def test_one_that_does_not_tell_is_taken_to_be_full() -> None:
    assert gone(ready("silent", in_flight=None), ready("busy", in_flight=99), left=1) == ("busy",)


def test_nobody_goes_when_there_are_too_few() -> None:
    assert gone(ready("a"), left=3) == ()


def test_a_draining_pod_is_no_replica_and_goes_on_its_own() -> None:
    assert gone(ready("leaving", draining=True), ready("stays"), left=1) == ()


def test_a_draining_pod_comes_back_before_a_new_one_is_started() -> None:
    pods = (ready("stays"), ready("idle", draining=True), ready("busy", in_flight=5, draining=True))
    assert back(*pods, wanted=2) == ("busy",)
    assert back(*pods, wanted=9) == ("busy", "idle")
    assert back(*pods, wanted=1) == ()


def test_one_of_an_earlier_revision_not_ready_or_deleted_does_not_come_back() -> None:
    old, gone = ready("old", draining=True, outdated=True), ready("gone", draining=True, deleted=True)
    pods = (old, gone, starting("never", draining=True))
    assert back(*pods, wanted=2) == ()


def test_the_decision_names_them() -> None:
    model = Model(replicas=1, min_replicas=1)
    leaving = ready("leaving", in_flight=4, draining=True)
    decision = model.steady(20.0, 60, ready("stays", in_flight=90), leaving, in_flight=94)
    assert decision.replicas >= 2
    assert decision.recall == ("leaving",)


def test_what_runs_on_draining_pods_needs_no_replica() -> None:
    model = Model(replicas=1, min_replicas=1)
    decision = model.see(ready("stays"), ready("leaving", in_flight=40, draining=True), in_flight=40)
    assert decision.inputs["inFlight"] == 0
