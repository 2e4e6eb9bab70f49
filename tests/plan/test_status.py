"""What the status says about a model."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fairlead_operator.api.status import ModelDeploymentStatus
from tests.plan.builders import (
    NOW,
    PlannedNamespace,
    condition,
    creating,
    desired_revision,
    ended,
    model_body,
    mount_event,
    pod,
    pod_report,
    running,
)


def test_a_serving_model_is_ready_in_the_sense_of_kstatus() -> None:
    world = PlannedNamespace()
    world.serve()
    rows = {item["type"]: item["status"] for item in world.body["status"]["conditions"]}
    assert rows == {
        "Ready": "True",
        "Reconciling": "False",
        "Stalled": "False",
        "Scheduled": "True",
        "CapacityAvailable": "True",
        "WeightsReady": "True",
        "EngineReady": "True",
    }


def test_the_planned_status_matches_the_api_model() -> None:
    world = PlannedNamespace(model_body(model={"source": "hf://a/b", "servedName": "b", "aliases": ["c"]}))
    world.serve()
    status = ModelDeploymentStatus.model_validate(world.body["status"])
    assert status.served_models == ("b", "c")
    assert status.url == "http://tiny.demo.svc/v1"
    assert status.selector == "app.kubernetes.io/component=engine,fairlead.dev/model=tiny"
    assert (status.replicas, status.ready_replicas, status.observed_generation) == (1, 1, 1)


def test_a_model_scaled_to_zero_without_pods_is_ready() -> None:
    world = PlannedNamespace(model_body(replicas=0))
    world.serve(replicas=0)
    assert (world.condition("Ready")["status"], world.condition("Ready")["reason"]) == (
        "True",
        "ScaledToZero",
    )
    assert world.condition("EngineReady")["status"] == "False"


def test_a_terminating_pod_keeps_a_model_from_reporting_scaled_to_zero() -> None:
    world = PlannedNamespace(model_body(replicas=0))
    world.reconcile()
    world.roll([pod(ready=True)])
    world.reconcile()
    assert world.condition("Ready")["status"] == "False"


def test_a_rollout_is_not_ready_though_the_former_revision_serves() -> None:
    world = PlannedNamespace()
    world.reconcile()
    world.roll([pod("old", revision="former", ready=True)], updated=0)
    world.reconcile()
    assert world.condition("Ready")["status"] == "False"
    assert world.condition("EngineReady")["status"] == "True"


def test_causes_of_a_former_revision_are_not_reported() -> None:
    world = PlannedNamespace()
    world.reconcile()
    crashed = pod("old", revision="former", engine={"state": ended("boom")})
    world.roll([crashed, pod("new")], updated=1)
    world.reconcile()
    assert world.condition("Ready")["reason"] == "EngineStarting"


def test_a_terminating_pod_is_not_reported_as_a_cause() -> None:
    world = PlannedNamespace()
    world.reconcile()
    leaving = pod("leaving", engine={"state": ended("boom")})
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    world.roll([leaving, pod("new")])
    world.reconcile()
    assert world.condition("Ready")["reason"] == "EngineStarting"


def test_failed_pods_do_not_hide_their_replacement() -> None:
    world = PlannedNamespace()
    world.reconcile()
    world.roll([pod("evicted", phase="Failed", reason="Evicted"), pod("new")])
    world.reconcile()
    assert world.condition("Ready")["reason"] == "EngineStarting"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("exceeded quota: gpus", "QuotaExceeded"),
        ("violates PodSecurity", "PodRejected"),
    ],
)
def test_a_pod_that_cannot_be_created_is_reported(text: str, reason: str) -> None:
    world = PlannedNamespace()
    world.reconcile()
    text_of_cause = f'pods "tiny-x" is forbidden: {text}'
    world.roll([], failure=condition("ReplicaFailure", "True", reason="FailedCreate", message=text_of_cause))
    world.reconcile()
    assert world.condition("Ready")["reason"] == reason
    assert text in world.condition("Ready")["message"]


def test_a_missing_secret_is_named_and_does_not_stall_the_model() -> None:
    world = PlannedNamespace(model_body(api={"auth": {"mode": "APIKey", "secretName": "tiny-keys"}}))
    world.reconcile()
    revision = desired_revision(world.deployment())
    world.roll([creating(revision=revision)])
    text = 'MountVolume.SetUp failed for volume "gateway-keys" : secret "tiny-keys" not found'
    world.events = [mount_event(text)]
    planned = world.reconcile()
    ready = world.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ContainerConfigError")
    assert 'secret "tiny-keys" not found' in ready["message"]
    assert world.condition("Stalled")["status"] == "False"
    assert planned.requeue_after is not None
    assert planned.requeue_after <= 10


def test_a_service_account_not_yet_known_to_admission_is_not_reported_as_a_failure() -> None:
    world = PlannedNamespace()
    world.reconcile()
    text = (
        'pods "x" is forbidden: error looking up service account demo/tiny: serviceaccount "tiny" not found'
    )
    world.roll([], failure=condition("ReplicaFailure", "True", reason="FailedCreate", message=text))
    world.reconcile()
    assert world.condition("Ready")["reason"] == "Progressing"


def test_a_cause_that_needs_a_human_stalls_the_model_immediately() -> None:
    world = PlannedNamespace()
    world.reconcile()
    text_of_cause = '{"reason": "EngineArgumentInvalid", "message": "no --flag", "exitCode": 2}'
    world.roll([pod(engine={"state": ended(text_of_cause)})])
    world.reconcile()
    assert world.condition("Stalled")["status"] == "True"
    assert world.condition("Reconciling")["status"] == "False"


def test_a_transition_time_changes_only_with_the_status() -> None:
    world = PlannedNamespace()
    world.reconcile(NOW)
    world.roll([pod()])
    world.reconcile(NOW + timedelta(minutes=1))
    assert world.condition("Ready")["reason"] == "EngineStarting"
    assert world.condition("Ready")["lastTransitionTime"] == "2026-01-01T12:00:00Z"


def test_the_start_is_reported_by_phase() -> None:
    world = PlannedNamespace()
    started = pod(ready=True, engine=running("2026-01-01T11:59:10Z"))
    started["status"]["conditions"][0]["lastTransitionTime"] = "2026-01-01T11:58:05Z"
    started["status"]["conditions"][1]["lastTransitionTime"] = "2026-01-01T11:59:40Z"
    world.reconcile()
    world.roll([started])
    world.reconcile()
    assert world.body["status"]["startup"] == {
        "pod": "tiny-1",
        "schedulingSeconds": 5,
        "preparingSeconds": 65,
        "engineSeconds": 30,
        "totalSeconds": 100,
    }


def test_a_measured_start_is_kept_when_its_pod_loses_readiness_and_regains_it() -> None:
    world = PlannedNamespace()
    world.serve()
    before = world.body["status"]["startup"]
    world.pods[0]["status"]["conditions"][1]["lastTransitionTime"] = "2026-01-01T18:00:00Z"
    world.roll()
    world.reconcile()
    assert world.body["status"]["startup"] == before


def starting(**inferred: str) -> PlannedNamespace:
    """A model whose pod starts, with parsers that were inferred from its files."""
    world = PlannedNamespace()
    world.reconcile()
    world.reports = {"tiny-1": pod_report(engine={"phase": "Starting", "inferred": inferred})}
    world.roll([pod(engine=running())])
    world.reconcile()
    return world


def test_parsers_that_the_engine_infers_are_reported() -> None:
    assert starting(toolCallParser="hermes").body["status"]["engine"] == {"toolCallParser": "hermes"}
    assert "engine" not in starting().body["status"]


def test_inferred_parsers_stay_in_the_status_when_the_pod_is_not_queried_any_more() -> None:
    world = starting(toolCallParser="hermes", reasoningParser="qwen3")
    world.reports = {}
    world.serve()
    assert world.body["status"]["engine"] == {"toolCallParser": "hermes", "reasoningParser": "qwen3"}


def test_the_latest_start_replaces_what_an_earlier_one_has_inferred() -> None:
    world = starting(toolCallParser="hermes", reasoningParser="qwen3")
    world.reports = {"tiny-1": pod_report(engine={"phase": "Starting", "inferred": {}})}
    world.reconcile()
    assert "engine" not in world.body["status"]


def test_a_parser_in_the_spec_is_not_reported_as_inferred() -> None:
    world = starting(toolCallParser="hermes", reasoningParser="qwen3")
    world.reports = {}
    world.body["spec"]["engine"] = {"toolCallParser": "None"}
    world.reconcile()
    assert world.body["status"]["engine"] == {"reasoningParser": "qwen3"}


def test_every_unhealthy_condition_has_a_remedy() -> None:
    world = PlannedNamespace()
    world.reconcile()
    text_of_cause = '{"reason": "CompilerMissing", "message": "no g++", "exitCode": 1}'
    world.roll([pod(engine={"state": ended(text_of_cause)})])
    world.reconcile()
    for kind in ("Ready", "Stalled", "EngineReady"):
        assert "Add --enforce-eager to spec.engine.args" in world.condition(kind)["message"]


def test_a_long_wait_in_a_queue_is_not_a_failure() -> None:
    world = PlannedNamespace()
    world.reconcile()
    queued = pod(node="")
    queued["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "team-a"}
    queued["status"]["conditions"][0] = condition("PodScheduled", "False", reason="SchedulingGated")
    late = condition("Progressing", "False", reason="ProgressDeadlineExceeded")
    world.roll([queued], progressing=late)
    planned = world.reconcile()
    assert (world.condition("Ready")["reason"], world.condition("Stalled")["status"]) == ("Queued", "False")
    assert [event.kind for event in planned.events] == ["Normal"]


def test_the_disruption_of_a_pod_is_reported_until_its_replacement_is_ready() -> None:
    world = PlannedNamespace()
    world.reconcile()
    lost = pod("lost", conditions=[condition("DisruptionTarget", "True", reason="DeletionByTaintManager")])
    lost["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    world.roll([lost, pod("new")])
    world.reconcile()
    assert world.condition("Ready")["reason"] == "NodeLost"
