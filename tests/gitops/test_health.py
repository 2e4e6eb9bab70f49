"""What tools for GitOps conclude from each state that the operator reports: wait, go on, or give up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.gitops.status import SCRIPT, verdict, verdicts
from tests.plan.builders import (
    PlannedNamespace,
    condition,
    creating,
    ended,
    model_body,
    pod,
    waiting,
)

Object = dict[str, Any]
PROGRESSING = ("InProgress", "Progressing")
HEALTHY = ("Current", "Healthy")
DEGRADED = ("Failed", "Degraded")
CAUSE = '{"fairlead": 1, "reason": "ModelUnsupported", "message": "FooForCausalLM"}'


def unseen() -> PlannedNamespace:
    """Stored, with the status that the API server fills in."""
    return PlannedNamespace({**model_body(), "status": {"observedGeneration": 0}})


def started() -> PlannedNamespace:
    world = PlannedNamespace()
    world.reconcile()
    return world


def with_pods(*pods: Object, failure: Object | None = None) -> PlannedNamespace:
    """The Deployment has these pods, and if it fails this condition."""
    world = started()
    if failure:
        world.roll(list(pods), failure=failure)
    else:
        world.roll(list(pods))
    world.reconcile()
    return world


def serving(replicas: int = 1) -> PlannedNamespace:
    world = PlannedNamespace(model_body(replicas=replicas))
    world.serve(replicas)
    return world


def changed() -> PlannedNamespace:
    """It serves, and its spec was changed a moment ago."""
    world = serving()
    world.body["metadata"]["generation"] = 2
    return world


def rolling() -> PlannedNamespace:
    """The former revision serves while a pod of the new one starts."""
    world = started()
    world.roll([pod("old", revision="former", ready=True), pod("new")], updated=1)
    world.reconcile()
    return world


def deleted() -> PlannedNamespace:
    world = serving()
    world.body["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    return world


def late() -> PlannedNamespace:
    """The rollout's deadline has passed."""
    text = {"reason": "ProgressDeadlineExceeded", "message": "too late"}
    return with_pods(pod(), failure=condition("Progressing", "False", **text))


STATES: dict[str, tuple[Callable[[], PlannedNamespace], tuple[str, str]]] = {
    "not seen by the operator": (unseen, PROGRESSING),
    "no pods yet": (started, PROGRESSING),
    "the engine starts": (lambda: with_pods(pod()), PROGRESSING),
    "no room for the pod": (
        lambda: with_pods(pod(unschedulable="0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")),
        PROGRESSING,
    ),
    "a registry that cannot be reached": (
        lambda: with_pods(
            creating(containerStatuses=[{"name": "vllm", **waiting("ImagePullBackOff", "timeout")}])
        ),
        PROGRESSING,
    ),
    "serving": (serving, HEALTHY),
    "three replicas serve": (lambda: serving(3), HEALTHY),
    "stopped on purpose": (lambda: serving(0), HEALTHY),
    "the spec changed": (changed, PROGRESSING),
    "a rollout": (rolling, PROGRESSING),
    "the engine refuses the model": (lambda: with_pods(pod(engine={"state": ended(CAUSE)})), DEGRADED),
    "an image that does not exist": (
        lambda: with_pods(
            creating(containerStatuses=[{"name": "vllm", **waiting("InvalidImageName", "no")}])
        ),
        DEGRADED,
    ),
    "the rollout's deadline has passed": (late, DEGRADED),
}


@pytest.mark.parametrize("state", STATES)
def test_both_tools_read_the_same_from_the_status(state: str) -> None:
    make, expected = STATES[state]
    found = verdict(make().body)
    assert (found.kstatus, found.argo) == expected, found.message


def test_a_model_that_is_being_deleted_is_awaited() -> None:
    found = verdict(deleted().body)
    assert (found.kstatus, found.argo) == ("Terminating", "Progressing")


def test_the_message_has_the_reason_and_the_remedy() -> None:
    world = with_pods(pod(engine={"state": ended(CAUSE)}))
    ready = world.condition("Ready")
    assert verdict(world.body).message == f"{ready['reason']}: {ready['message']}"


def test_the_generic_rules_alone_would_take_an_object_without_status_for_done() -> None:
    """Therefore the CRD fills in a status: this is what would happen without it."""
    assert verdict(model_body()).kstatus == "Current"


def test_the_health_script_may_use_no_library_but_those_of_argo_cd(tmp_path: Path) -> None:
    script = tmp_path / "health.lua"
    script.write_text(f"local text = string.format('%s', 1)\n{SCRIPT.read_text()}")
    with pytest.raises(AssertionError, match="string"):
        verdicts([serving().body], script)
