"""Which pods are removed first, and which are called back."""

from __future__ import annotations

from fairlead_operator.autoscale.cold_starts import ColdStarts
from fairlead_operator.autoscale.inputs import Observation, ObservedPod
from fairlead_operator.autoscale.pods import count, recall, removal
from tests.autoscale.builders import NOW, Model, ready, starting, unschedulable


def gone(*pods: ObservedPod, left: int) -> tuple[str, ...]:
    return removal(count(Observation(NOW, None, pods, len(pods)), ColdStarts()), left)


def back(*pods: ObservedPod, wanted: int) -> tuple[str, ...]:
    return recall(count(Observation(NOW, None, pods, len(pods)), ColdStarts()), wanted)


def test_unready_pods_are_removed_before_serving_ones() -> None:
    pods = (
        ready("serves"),
        starting("young", age=5),
        starting("old", age=50),
        starting("stuck", stuck=True),
        starting("unplaced", scheduled=None),
        unschedulable("nowhere"),
    )
    assert gone(*pods, left=0) == ("nowhere", "unplaced", "stuck", "young", "old", "serves")


def test_of_serving_pods_the_least_loaded_is_removed() -> None:
    pods = (ready("a", in_flight=3), ready("b", in_flight=1), ready("c", in_flight=2))
    assert gone(*pods, left=1) == ("b", "c")


def test_pods_of_an_earlier_revision_are_removed_first() -> None:
    assert gone(ready("new"), ready("old", in_flight=9, outdated=True), left=1) == ("old",)


def test_of_equally_loaded_pods_the_one_with_the_emptier_cache_is_removed() -> None:
    assert gone(ready("warm", age=5000), ready("cold", age=100), left=1) == ("cold",)


def test_a_pod_without_load_data_is_removed_last() -> None:
    assert gone(ready("silent", in_flight=None), ready("busy", in_flight=99), left=1) == ("busy",)


def test_no_pod_is_removed_when_there_are_too_few() -> None:
    assert gone(ready("a"), left=3) == ()


def test_a_draining_pod_does_not_count_as_a_replica_and_is_not_removed_again() -> None:
    assert gone(ready("leaving", draining=True), ready("stays"), left=1) == ()


def test_a_draining_pod_is_called_back_before_a_new_one_is_started() -> None:
    pods = (ready("stays"), ready("idle", draining=True), ready("busy", in_flight=5, draining=True))
    assert back(*pods, wanted=2) == ("busy",)
    assert back(*pods, wanted=9) == ("busy", "idle")
    assert back(*pods, wanted=1) == ()


def test_an_old_unready_or_deleted_draining_pod_is_not_called_back() -> None:
    old, gone = ready("old", draining=True, outdated=True), ready("gone", draining=True, deleted=True)
    pods = (old, gone, starting("never", draining=True))
    assert back(*pods, wanted=2) == ()


def test_a_scale_up_decision_names_the_pods_to_call_back() -> None:
    model = Model(replicas=1, min_replicas=1)
    leaving = ready("leaving", in_flight=4, draining=True)
    decision = model.steady(20.0, 60, ready("stays", in_flight=90), leaving, in_flight=94)
    assert decision.replicas >= 2
    assert decision.recall == ("leaving",)


def test_requests_on_draining_pods_need_no_further_replica() -> None:
    model = Model(replicas=1, min_replicas=1)
    decision = model.see(ready("stays"), ready("leaving", in_flight=40, draining=True), in_flight=40)
    assert decision.inputs["inFlight"] == 0
