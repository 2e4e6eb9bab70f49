"""The replicas of a model by state."""

from __future__ import annotations

from fairlead_operator.plan.status.replica_states import replica_states
from tests.plan.builders import Object, pod


def leaving(name: str) -> Object:
    body = pod(name, ready=True)
    body["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    return body


def test_each_pod_is_in_one_state() -> None:
    pods = [
        pod("a", ready=True),
        pod("b", ready=True),
        pod("c"),
        pod("d", node=""),
        pod("e", unschedulable="0/3 nodes are available"),
        leaving("f"),
        pod("g", ready=True),
        pod("h", phase="Failed"),
    ]
    states = {"desired": 6, "ready": 2, "starting": 2, "unschedulable": 1, "draining": 2}
    assert replica_states(6, pods, draining={"g"}) == states


def test_a_model_at_zero_has_every_state() -> None:
    states = dict.fromkeys(("desired", "ready", "starting", "unschedulable", "draining"), 0)
    assert replica_states(0, [], ()) == states
