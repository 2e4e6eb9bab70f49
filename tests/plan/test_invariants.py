"""What holds whatever happens: random histories of spec changes, pods, drift and deletions."""

from __future__ import annotations

import copy
import re
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead_operator.api.status import ModelDeploymentStatus
from tests.plan.builders import (
    NOW,
    Object,
    PlannedNamespace,
    condition,
    desired_revision,
    ended,
    model_body,
    pod,
    running,
    waiting,
)

TEXTS = st.sampled_from(
    ["", "1 Insufficient nvidia.com/gpu", "untolerated taint", "{}", '{"reason": 1}', "\x00é"]
)
ENDS = st.builds(
    ended, TEXTS, st.integers(-1, 255), reason=st.sampled_from(["Error", "OOMKilled", "Completed"])
)
STATES = st.one_of(
    st.builds(running),
    st.builds(running, lastState=ENDS, restartCount=st.integers(1, 9)),
    st.builds(waiting, st.sampled_from(["CrashLoopBackOff", "ErrImagePull", "Odd"]), TEXTS, lastState=ENDS),
    st.builds(lambda end: {"state": end}, ENDS),
    st.just({"state": {}}),
)
PODS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["a", "b", "c"]),
            "revision": st.sampled_from(["", "former"]),
            "ready": st.booleans(),
            "unschedulable": TEXTS,
            "engine": STATES,
            "gateway": STATES,
            "phase": st.sampled_from(["Pending", "Running", "Failed"]),
        }
    ),
    max_size=3,
    unique_by=lambda values: str(values["name"]),
)
LATE = condition("Progressing", "False", reason="ProgressDeadlineExceeded")
PROGRESSING = condition("Progressing", "True", reason="ReplicaSetUpdated")
STEPS = st.one_of(
    st.tuples(st.just("pods"), PODS),
    st.tuples(st.just("late"), PODS),
    st.tuples(st.just("replicas"), st.integers(0, 3)),
    st.tuples(st.just("args"), st.lists(st.text(max_size=5), max_size=2)),
    st.tuples(st.just("temperature"), st.sampled_from([0.5, 1, 3, "hot"])),
    st.tuples(st.just("lose"), st.integers(0, 3)),
    st.tuples(st.just("drift"), st.integers(0, 3)),
)


def take(world: PlannedNamespace, step: str, value: Any) -> None:
    """One thing that happens to the world."""
    keys = sorted(world.children)
    if step in ("pods", "late"):
        revision = (
            desired_revision(world.deployment()) if ("Deployment", "tiny") in world.children else "none"
        )
        if ("Deployment", "tiny") in world.children:
            pods = [pod(**{**values, "revision": values["revision"] or revision}) for values in value]
            world.roll(pods, progressing=LATE if step == "late" else PROGRESSING)
    elif step in ("replicas", "args"):
        where = world.body["spec"] if step == "replicas" else world.body["spec"].setdefault("engine", {})
        where[step] = value
        world.body["metadata"]["generation"] += 1
    elif step == "temperature":
        world.body["spec"]["api"] = {"defaults": {step: value}}
        world.body["metadata"]["generation"] += 1
    elif keys and step == "lose":
        del world.children[keys[value % len(keys)]]
    elif keys and step == "drift":
        world.children[keys[value % len(keys)]]["metadata"]["labels"] = {}


def check(status: Object) -> None:
    """Conditions are well-formed and do not contradict each other."""
    parsed = ModelDeploymentStatus.model_validate(status)
    rows = {item.type: item for item in parsed.conditions}
    assert list(rows) == [
        *("Ready", "Reconciling", "Stalled", "Scheduled"),
        *("CapacityAvailable", "WeightsReady", "EngineReady"),
    ]
    assert all(re.fullmatch(r"[A-Z][A-Za-z0-9]*", item.reason) and item.message for item in parsed.conditions)
    summary = [rows[kind].status for kind in ("Ready", "Reconciling", "Stalled")]
    assert summary.count("True") == 1, summary


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=8))
def test_for_any_history_the_plan_is_valid_and_converges(history: list[tuple[str, Any]]) -> None:
    world = PlannedNamespace(model_body())
    now = NOW
    for step, value in history:
        take(world, step, value)
        now += timedelta(seconds=30)
        before = copy.deepcopy(world.children)
        check(world.reconcile(now).status)
        if world.condition("Ready")["reason"] == "InvalidSpec":
            assert world.children == before
    # The first look sees a refusal, the next one comes when the patience with it is over.
    for _ in range(2):
        world.reconcile(now)
        if ("Deployment", "tiny") in world.children:
            world.roll()
        world.reconcile(now)
        now += timedelta(minutes=1)
    settled = world.plan(now + timedelta(hours=1))
    assert (settled.apply, settled.delete, settled.events) == ((), (), ())
    assert settled.status == world.body["status"]
