"""What the planner decides, by example."""

from __future__ import annotations

import copy
from datetime import timedelta

import pytest

from fairlead_operator.api.names import MODEL_LABEL
from fairlead_operator.plan.findings import Finding
from fairlead_operator.plan.planner import plan, plan_failed, plan_unreadable
from tests.plan.builders import NOW, SETTINGS, World, condition, model_body, pod


def test_an_empty_world_gets_every_child_the_deployment_last() -> None:
    planned = World().plan()
    assert [child["kind"] for child in planned.apply] == [
        "ServiceAccount",
        "ConfigMap",
        "Service",
        "Deployment",
    ]


def test_a_ready_world_needs_nothing() -> None:
    world = World()
    world.serve()
    planned = world.plan(NOW + timedelta(hours=1))
    assert (planned.apply, planned.delete, planned.events, planned.requeue_after) == ((), (), (), None)
    assert planned.status == world.body["status"]


def test_a_deleted_child_is_made_again() -> None:
    world = World()
    world.serve()
    del world.children["Service", "tiny"]
    assert [child["kind"] for child in world.plan().apply] == ["Service"]


def test_a_repaired_service_leaves_a_serving_model_ready() -> None:
    world = World()
    world.serve()
    world.children["Service", "tiny"]["spec"]["ports"][0]["port"] = 81
    world.reconcile()
    assert world.condition("Ready")["status"] == "True"


def test_a_changed_field_is_repaired_and_named() -> None:
    world = World()
    world.serve()
    world.deployment()["spec"]["replicas"] = 5
    planned = world.plan()
    assert [child["kind"] for child in planned.apply] == ["Deployment"]
    assert "spec.replicas" in planned.explain


def test_a_field_that_is_not_rendered_any_more_is_taken_away() -> None:
    world = World(model_body(scheduling={"nodeSelector": {"gpu": "a100"}}))
    world.serve()
    del world.body["spec"]["scheduling"]
    planned = world.plan()
    assert [child["kind"] for child in planned.apply] == ["Deployment"]
    assert "nodeSelector" not in planned.apply[0]["spec"]["template"]["spec"]


def test_a_child_of_ours_that_is_not_wanted_any_more_is_deleted() -> None:
    world = World()
    world.serve()
    former = copy.deepcopy(world.children["ConfigMap", "tiny-gateway"])
    former["metadata"]["name"] = "tiny-former"
    world.children["ConfigMap", "tiny-former"] = former
    assert [child["metadata"]["name"] for child in world.plan().delete] == ["tiny-former"]


def test_an_object_that_only_carries_the_label_is_left_alone() -> None:
    world = World()
    world.serve()
    metadata = {"name": "theirs", "namespace": "demo", "labels": {MODEL_LABEL: "tiny"}}
    world.children["ConfigMap", "theirs"] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    assert world.plan().delete == ()


def test_an_object_of_somebody_else_with_a_childs_name_stops_everything_and_is_named() -> None:
    world = World()
    theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "tiny", "namespace": "demo"}}
    world.children["Service", "tiny"] = theirs
    planned = world.reconcile()
    assert planned.apply == ()
    assert world.condition("Stalled")["status"] == "True"
    assert world.condition("Ready")["reason"] == "NameConflict"
    assert "Service/tiny" in world.condition("Ready")["message"]


def test_children_of_a_deleted_model_of_the_same_name_are_awaited() -> None:
    world = World()
    world.serve()
    world.body["metadata"]["uid"] = "another"
    planned = world.plan()
    assert planned.apply == ()
    assert planned.requeue_after is not None
    assert planned.requeue_after < 10


def test_a_child_on_its_way_out_is_awaited() -> None:
    world = World()
    world.serve()
    world.deployment()["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    planned = world.plan()
    assert planned.apply == ()
    assert "wait for the end" in planned.explain


def test_what_the_api_server_refused_is_reported_with_its_words() -> None:
    world = World()
    planned = plan(world.model, world.observe(), SETTINGS, NOW, Finding("ObjectRejected", "no such class"))
    rows = {item["type"]: item for item in planned.status["conditions"]}
    assert rows["Ready"]["reason"] == "ObjectRejected"
    assert rows["Ready"]["message"].startswith("no such class. ")
    assert rows["Stalled"]["status"] == "True"


def test_what_was_refused_is_not_reported_as_done() -> None:
    world = World()
    refused = plan(world.model, world.observe(), SETTINGS, NOW, Finding("ObjectRejected", "no such class"))
    assert [event.reason for event in refused.events] == ["ObjectRejected"]


@pytest.mark.parametrize("reason", ["ApiRequestFailed", "ReconcileFailed"])
def test_a_failure_before_there_is_a_plan_is_reported_of_the_current_spec(reason: str) -> None:
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


def test_annotations_that_a_pod_template_takes_away_are_none() -> None:
    world = World(model_body(podTemplate={"metadata": {"annotations": None}}))
    world.serve()
    assert world.condition("Ready")["status"] == "True"


def test_a_default_that_the_dialect_does_not_allow_changes_nothing_and_names_the_field() -> None:
    world = World()
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


def test_a_chat_template_with_an_error_keeps_a_new_model_from_being_made() -> None:
    world = World(model_body(engine={"chatTemplate": {"inline": "{% for m in messages %}\n{{ m.content }"}}))
    planned = world.reconcile()
    assert planned.apply == ()
    ready = world.condition("Ready")
    assert ready["reason"] == "InvalidSpec"
    assert (
        "spec.engine.chatTemplate.inline is not a valid Jinja template: line 2, column 14:"
        in ready["message"]
    )


def test_a_default_that_does_not_fit_keeps_a_new_model_from_being_made() -> None:
    world = World(model_body(api={"defaults": {"temprature": 1}}))
    planned = world.reconcile()
    assert planned.apply == ()
    assert "spec.api.defaults.temprature" in world.condition("Ready")["message"]


def test_a_mended_default_is_carried_out() -> None:
    world = World(model_body(api={"defaults": {"temperature": 3}}))
    world.reconcile()
    world.body["spec"]["api"]["defaults"]["temperature"] = 1
    world.serve()
    assert world.condition("Ready")["status"] == "True"


def test_an_object_that_cannot_be_read_is_told_and_not_touched() -> None:
    body = model_body()
    body["status"] = {"url": "http://x"}
    planned = plan_unreadable(body, "spec.replicas: must be a number", NOW)
    assert (planned.apply, planned.delete) == ((), ())
    assert planned.status["url"] == "http://x"
    assert planned.status["conditions"][0]["message"].startswith("spec.replicas: must be a number. ")


def test_a_new_reason_is_told_once() -> None:
    world = World()
    world.reconcile()
    world.roll([pod(unschedulable="0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")])
    first, second = world.reconcile(), world.reconcile()
    assert [(event.kind, event.reason) for event in first.events] == [("Warning", "InsufficientResources")]
    assert second.events == ()


def test_a_spec_that_changes_is_progressing_until_its_controller_has_seen_it() -> None:
    world = World()
    world.serve()
    world.body["spec"]["replicas"] = 2
    world.body["metadata"]["generation"] = 2
    world.reconcile()
    assert world.condition("Ready")["status"] == "False"
    assert world.condition("Ready")["observedGeneration"] == 2


def test_progress_without_end_names_the_deadline_and_stalls() -> None:
    world = World()
    world.reconcile()
    late = condition("Progressing", "False", reason="ProgressDeadlineExceeded")
    world.roll([pod()], progressing=late)
    world.reconcile()
    assert world.condition("Ready")["reason"] == "DeadlineExceeded"
    assert world.condition("Stalled")["status"] == "True"
