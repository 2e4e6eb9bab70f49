"""Every cause that Kubernetes or the launcher tells becomes a reason, with its text kept."""

from __future__ import annotations

import json

import pytest

from fairlead_operator.plan.findings import (
    Finding,
    awaits_volumes,
    engine_finding,
    scheduling_finding,
    volume_finding,
    worst,
)
from tests.plan.builders import (
    Object,
    condition,
    creating,
    ended,
    mount_event,
    pod,
    running,
    waiting,
)

LAUNCHER = json.dumps({"reason": "ContextTooLong", "message": "fits 2048", "exitCode": 1})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0/1 nodes are available: 1 Insufficient nvidia.com/gpu.", "InsufficientResources"),
        ("0/9 nodes are available: 9 Too many pods.", "InsufficientResources"),
        (
            "0/2 nodes are available: 1 had untolerated taint {a: b}, 1 Insufficient cpu.",
            "InsufficientResources",
        ),
        ("0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}.", "UntoleratedTaint"),
        (
            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
            "NodeSelectorMismatch",
        ),
        ('0/1 nodes are available: persistentvolumeclaim "models" not found.', "VolumeNotReady"),
        ("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.", "VolumeNotReady"),
        ("no luck today", "Unschedulable"),
    ],
)
def test_the_schedulers_verdict_becomes_a_reason_and_its_text_is_kept(text: str, reason: str) -> None:
    finding = scheduling_finding(pod(unschedulable=text))
    assert finding is not None
    assert finding.reason == reason
    assert text in finding.message


def test_what_is_lacking_is_named_first() -> None:
    text = "0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 2 Insufficient memory."
    finding = scheduling_finding(pod(unschedulable=text))
    assert finding is not None
    assert finding.message.startswith("not enough memory, nvidia.com/gpu for pod tiny-1")


def test_a_pod_with_a_node_has_no_scheduling_cause() -> None:
    assert scheduling_finding(pod()) is None


def test_a_ready_pod_has_no_cause() -> None:
    assert engine_finding(pod(ready=True), 1800) is None


@pytest.mark.parametrize(
    ("body", "reason", "text"),
    [
        (pod(engine=waiting("ImagePullBackOff", "not found")), "ImagePullFailed", "image vllm:1"),
        (pod(engine=waiting("InvalidImageName")), "ImagePullFailed", "InvalidImageName"),
        (pod(gateway=waiting("ErrImagePull", "denied")), "ImagePullFailed", "image gateway:1"),
        (
            pod(engine=waiting("CreateContainerConfigError", 'secret "token" not found')),
            "ContainerConfigError",
            'secret "token" not found',
        ),
        (pod(engine=waiting("RunContainerError", "no python3")), "ContainerStartFailed", "no python3"),
        (pod(engine=waiting("PodInitializing")), "Progressing", "tiny-1"),
        (pod(engine=running()), "EngineStarting", "tiny-1"),
        (pod(engine=running(started=True)), "EngineNotReady", "does not answer"),
        (pod(engine={"state": ended(LAUNCHER)}), "ContextTooLong", "fits 2048"),
        (
            pod(engine=waiting("CrashLoopBackOff", lastState=ended(LAUNCHER), restartCount=3)),
            "ContextTooLong",
            "fits 2048",
        ),
        (pod(engine=running(lastState=ended(LAUNCHER), restartCount=1)), "ContextTooLong", "fits 2048"),
        (pod(engine={"state": ended("Traceback: boom")}), "EngineCrashed", "Traceback: boom"),
        (pod(engine={"state": ended('{"reason": "not a word"}')}), "EngineCrashed", "not a word"),
        (pod(engine={"state": ended("", 137, reason="OOMKilled")}), "HostOutOfMemory", "memory limit"),
        (pod(engine={"state": ended("", 2)}), "CrashLoop", "code 2"),
        (
            pod(engine={"state": ended("", 143, finishedAt="2026-01-01T13:00:00Z")}),
            "EngineStartTimeout",
            "1800 s",
        ),
        (
            pod(gateway=waiting("CrashLoopBackOff", lastState=ended("no config"), restartCount=2)),
            "GatewayFailed",
            "no config",
        ),
        (
            pod(phase="Failed", reason="Evicted", message="low on ephemeral-storage"),
            "PodFailed",
            "Evicted: low on ephemeral-storage",
        ),
    ],
)
def test_a_pods_state_becomes_a_reason_and_its_text_is_kept(body: Object, reason: str, text: str) -> None:
    finding = engine_finding(body, 1800)
    assert finding is not None
    assert (finding.reason, text in finding.message) == (reason, True), finding


def test_a_reason_that_the_catalogue_does_not_know_is_passed_through() -> None:
    told = json.dumps({"reason": "MoonPhase", "message": "wrong moon", "exitCode": 1})
    finding = engine_finding(pod(engine={"state": ended(told)}), 1800)
    assert finding is not None
    assert finding.reason == "MoonPhase"
    assert "wrong moon" in finding.message


def test_the_cause_that_needs_a_human_goes_before_the_one_that_does_not() -> None:
    findings = [Finding("EngineStarting", "a"), Finding("ContextTooLong", "b"), Finding("Progressing", "c")]
    assert worst(findings) == findings[1]


NO_SECRET = 'MountVolume.SetUp failed for volume "gateway-keys" : secret "tiny-keys" not found'
IN_VAIN = "Unable to attach or mount volumes: unmounted volumes=[gateway-keys]: timed out"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (NO_SECRET, "ContainerConfigError"),
        ('MountVolume.SetUp failed for volume "c" : configmap "a" not found', "ContainerConfigError"),
        (
            'MountVolume.SetUp failed for volume "c" : references non-existent secret key: a',
            "ContainerConfigError",
        ),
        ("MountVolume.SetUp failed: mount.nfs: access denied", "VolumeNotReady"),
    ],
)
def test_a_volume_that_cannot_be_mounted_becomes_a_reason_and_its_text_is_kept(
    text: str, reason: str
) -> None:
    finding = volume_finding(creating(), (mount_event(text),))
    assert finding is not None
    assert (finding.reason, text in finding.message) == (reason, True)


def test_of_several_events_the_latest_that_names_the_cause_counts() -> None:
    events = (mount_event("old", minute=1), mount_event(NO_SECRET, minute=2), mount_event(IN_VAIN, minute=3))
    finding = volume_finding(creating(), events)
    assert finding is not None
    assert NO_SECRET in finding.message


def test_waiting_in_vain_is_told_when_nothing_better_is_known() -> None:
    finding = volume_finding(creating(), (mount_event(IN_VAIN),))
    assert finding is not None
    assert IN_VAIN in finding.message


@pytest.mark.parametrize(
    "event", [mount_event(NO_SECRET, "another"), mount_event(NO_SECRET, reason="Scheduled")]
)
def test_events_about_something_else_are_no_cause(event: Object) -> None:
    assert volume_finding(creating(), (event,)) is None


@pytest.mark.parametrize(
    "body",
    [
        creating(conditions=[condition("PodReadyToStartContainers", "True")]),
        pod(phase="Pending", gateway=running(), engine=waiting("PodInitializing")),
        pod(phase="Pending", gateway=waiting("ImagePullBackOff"), engine=waiting("PodInitializing")),
        pod(phase="Pending", gateway={"state": ended("x")}, engine=waiting("PodInitializing")),
        pod(phase="Pending", unschedulable="no node"),
        pod(ready=True),
    ],
)
def test_a_pod_that_has_got_further_does_not_wait_for_volumes(body: Object) -> None:
    assert not awaits_volumes(body)
    assert volume_finding(body, (mount_event(NO_SECRET),)) is None


@pytest.mark.parametrize(
    "body", [creating(), pod(phase="Pending", initContainerStatuses=[], containerStatuses=[])]
)
def test_a_pod_whose_containers_are_being_created_may_wait_for_volumes(body: Object) -> None:
    assert awaits_volumes(body)
