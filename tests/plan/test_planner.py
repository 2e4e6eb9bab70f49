"""What the planner decides, by example."""

from __future__ import annotations

import copy
from datetime import timedelta

import pytest

from fairlead_contract.names import MODEL_LABEL
from fairlead_operator.plan.findings import Finding
from fairlead_operator.plan.planner import plan, plan_failed, plan_unreadable
from tests.plan.builders import NOW, SETTINGS, PlannedNamespace, condition, model_body, pod


def test_a_new_model_gets_every_child_with_the_deployment_last() -> None:
    planned = PlannedNamespace().plan()
    assert [child["kind"] for child in planned.apply] == [
        "ServiceAccount",
        "ConfigMap",
        "Service",
        "Deployment",
    ]


def test_a_ready_unchanged_model_needs_no_write() -> None:
    world = PlannedNamespace()
    world.serve()
    planned = world.plan(NOW + timedelta(hours=1))
    assert (planned.apply, planned.delete, planned.events, planned.requeue_after) == ((), (), (), None)
    assert planned.status == world.body["status"]


def test_a_deleted_child_is_created_again() -> None:
    world = PlannedNamespace()
    world.serve()
    del world.children["Service", "tiny"]
    assert [child["kind"] for child in world.plan().apply] == ["Service"]


def test_a_repaired_service_leaves_a_serving_model_ready() -> None:
    world = PlannedNamespace()
    world.serve()
    world.children["Service", "tiny"]["spec"]["ports"][0]["port"] = 81
    world.reconcile()
    assert world.condition("Ready")["status"] == "True"


def test_a_changed_field_is_repaired_and_named() -> None:
    world = PlannedNamespace()
    world.serve()
    world.deployment()["spec"]["replicas"] = 5
    planned = world.plan()
    assert [child["kind"] for child in planned.apply] == ["Deployment"]
    assert "spec.replicas" in planned.explain


def test_a_field_that_is_no_longer_rendered_is_removed() -> None:
    world = PlannedNamespace(model_body(scheduling={"nodeSelector": {"gpu": "a100"}}))
    world.serve()
    del world.body["spec"]["scheduling"]
    planned = world.plan()
    assert [child["kind"] for child in planned.apply] == ["Deployment"]
    assert "nodeSelector" not in planned.apply[0]["spec"]["template"]["spec"]


def test_an_owned_child_that_is_no_longer_needed_is_deleted() -> None:
    world = PlannedNamespace()
    world.serve()
    former = copy.deepcopy(world.children["ConfigMap", "tiny-gateway"])
    former["metadata"]["name"] = "tiny-former"
    world.children["ConfigMap", "tiny-former"] = former
    assert [child["metadata"]["name"] for child in world.plan().delete] == ["tiny-former"]


def test_an_unowned_object_with_the_label_is_left_alone() -> None:
    world = PlannedNamespace()
    world.serve()
    metadata = {"name": "theirs", "namespace": "demo", "labels": {MODEL_LABEL: "tiny"}}
    world.children["ConfigMap", "theirs"] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    assert world.plan().delete == ()


def test_an_unowned_object_with_a_childs_name_blocks_all_writes_and_is_named() -> None:
    world = PlannedNamespace()
    theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "tiny", "namespace": "demo"}}
    world.children["Service", "tiny"] = theirs
    planned = world.reconcile()
    assert planned.apply == ()
    assert world.condition("Stalled")["status"] == "True"
    assert world.condition("Ready")["reason"] == "NameConflict"
    assert "Service/tiny" in world.condition("Ready")["message"]


def test_the_plan_waits_for_children_of_a_deleted_model_with_the_same_name() -> None:
    world = PlannedNamespace()
    world.serve()
    world.body["metadata"]["uid"] = "another"
    planned = world.plan()
    assert planned.apply == ()
    assert planned.requeue_after is not None
    assert planned.requeue_after < 10


def test_the_plan_waits_for_a_terminating_child() -> None:
    world = PlannedNamespace()
    world.serve()
    world.deployment()["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    planned = world.plan()
    assert planned.apply == ()
    assert "wait for the end" in planned.explain


def test_a_refusal_of_the_api_server_is_reported_verbatim() -> None:
    world = PlannedNamespace()
    planned = plan(world.model, world.observe(), SETTINGS, NOW, Finding("ObjectRejected", "no such class"))
    rows = {item["type"]: item for item in planned.status["conditions"]}
    assert rows["Ready"]["reason"] == "ObjectRejected"
    assert rows["Ready"]["message"].startswith("no such class. ")
    assert rows["Stalled"]["status"] == "True"


def test_a_refused_write_is_not_reported_as_done() -> None:
    world = PlannedNamespace()
    refused = plan(world.model, world.observe(), SETTINGS, NOW, Finding("ObjectRejected", "no such class"))
    assert [event.reason for event in refused.events] == ["ObjectRejected"]


@pytest.mark.parametrize("reason", ["ApiRequestFailed", "ReconcileFailed"])
def test_a_failure_before_planning_is_reported_for_the_current_generation(reason: str) -> None:
    body = model_body()
    body["metadata"]["generation"] = 7
    body["status"] = {"url": "http://x", "observedGeneration": 6}
    planned = plan_failed(body, Finding(reason, "no answer"), NOW)
    assert (planned.apply, planned.delete) == ((), ())
    assert (planned.status["url"], planned.status["observedGeneration"]) == ("http://x", 7)
    rows = {item["type"]: item for item in planned.status["conditions"]}
    assert {item["observedGeneration"] for item in rows.values()} == {7}
    assert rows["Ready"]["status"] == "False"
    assert {rows["Reconciling"]["status"], rows["Stalled"]["status"]} == {"True", "False"}


def test_removing_pod_annotations_by_pod_template_does_not_break_readiness() -> None:
    world = PlannedNamespace(model_body(podTemplate={"metadata": {"annotations": None}}))
    world.serve()
    assert world.condition("Ready")["status"] == "True"


def test_a_default_that_the_dialect_does_not_allow_changes_nothing_and_names_the_field() -> None:
    world = PlannedNamespace()
    world.serve()
    before = copy.deepcopy(world.children)
    world.body["metadata"]["generation"] = 2
    world.body["spec"] |= {"replicas": 3, "api": {"defaults": {"temperature": 3}}}
    planned = world.reconcile()
    assert (planned.apply, planned.delete, world.children) == ((), (), before)
    ready = world.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "InvalidSpec")
    assert "spec.api.defaults.temperature must be a number from 0 to 2, not 3" in ready["message"]
    assert world.condition("Stalled")["status"] == "True"
    assert world.condition("EngineReady")["status"] == "True"


def test_a_new_model_with_an_invalid_chat_template_is_not_created() -> None:
    world = PlannedNamespace(
        model_body(engine={"chatTemplate": {"inline": "{% for m in messages %}\n{{ m.content }"}})
    )
    planned = world.reconcile()
    assert planned.apply == ()
    ready = world.condition("Ready")
    assert ready["reason"] == "InvalidSpec"
    assert (
        "spec.engine.chatTemplate.inline is not a valid Jinja template: line 2, column 14:"
        in ready["message"]
    )


def test_a_new_model_with_an_unsuitable_default_is_not_created() -> None:
    world = PlannedNamespace(model_body(api={"defaults": {"temprature": 1}}))
    planned = world.reconcile()
    assert planned.apply == ()
    assert "spec.api.defaults.temprature" in world.condition("Ready")["message"]


def test_a_corrected_default_is_applied() -> None:
    world = PlannedNamespace(model_body(api={"defaults": {"temperature": 3}}))
    world.reconcile()
    world.body["spec"]["api"]["defaults"]["temperature"] = 1
    world.serve()
    assert world.condition("Ready")["status"] == "True"


def test_an_unreadable_object_is_reported_and_its_children_are_left_alone() -> None:
    body = model_body()
    body["status"] = {"url": "http://x"}
    planned = plan_unreadable(body, "spec.replicas: must be a number", NOW)
    assert (planned.apply, planned.delete) == ((), ())
    assert planned.status["url"] == "http://x"
    assert planned.status["conditions"][0]["message"].startswith("spec.replicas: must be a number. ")


def test_a_new_reason_is_reported_as_one_event() -> None:
    world = PlannedNamespace()
    world.reconcile()
    world.roll([pod(unschedulable="0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")])
    first, second = world.reconcile(), world.reconcile()
    assert [(event.kind, event.reason) for event in first.events] == [("Warning", "InsufficientResources")]
    assert second.events == ()


def test_a_changed_spec_is_progressing_until_its_controller_has_observed_it() -> None:
    world = PlannedNamespace()
    world.serve()
    world.body["spec"]["replicas"] = 2
    world.body["metadata"]["generation"] = 2
    world.reconcile()
    assert world.condition("Ready")["status"] == "False"
    assert world.condition("Ready")["observedGeneration"] == 2


def test_exceeding_the_progress_deadline_stalls_the_model_and_names_the_deadline() -> None:
    world = PlannedNamespace()
    world.reconcile()
    late = condition("Progressing", "False", reason="ProgressDeadlineExceeded")
    world.roll([pod()], progressing=late)
    world.reconcile()
    assert world.condition("Ready")["reason"] == "DeadlineExceeded"
    assert world.condition("Stalled")["status"] == "True"
