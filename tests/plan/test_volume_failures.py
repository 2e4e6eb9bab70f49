"""Why a pod starts no container, from the Events of the kubelet."""

from __future__ import annotations

import pytest

from fairlead_operator.plan.pods.volume_failures import awaits_volumes, volume_finding
from tests.plan.builders import Object, condition, creating, ended, mount_event, pod, running, waiting

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


def test_of_several_volume_events_the_latest_with_a_cause_counts() -> None:
    events = (mount_event("old", minute=1), mount_event(NO_SECRET, minute=2), mount_event(IN_VAIN, minute=3))
    finding = volume_finding(creating(), events)
    assert finding is not None
    assert NO_SECRET in finding.message


def test_a_volume_timeout_is_reported_when_no_better_cause_is_known() -> None:
    finding = volume_finding(creating(), (mount_event(IN_VAIN),))
    assert finding is not None
    assert IN_VAIN in finding.message


@pytest.mark.parametrize(
    "event", [mount_event(NO_SECRET, "another"), mount_event(NO_SECRET, reason="Scheduled")]
)
def test_unrelated_events_are_not_reported_as_volume_failures(event: Object) -> None:
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
def test_a_pod_with_started_containers_does_not_wait_for_volumes(body: Object) -> None:
    assert not awaits_volumes(body)
    assert volume_finding(body, (mount_event(NO_SECRET),)) is None


@pytest.mark.parametrize(
    "body", [creating(), pod(phase="Pending", initContainerStatuses=[], containerStatuses=[])]
)
def test_a_pod_whose_containers_are_being_created_may_wait_for_volumes(body: Object) -> None:
    assert awaits_volumes(body)


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (
            "FailedPrepareDynamicResources",
            "Failed to prepare dynamic resources: DRA driver gpu.example.com is not registered",
            "ClaimNotPrepared",
        ),
        (
            "FailedCreatePodSandBox",
            'Failed to create pod sandbox: no runtime for "nvidia" is configured',
            "PodSandboxFailed",
        ),
        ("FailedAttachVolume", "Multi-Attach error for volume", "VolumeNotReady"),
    ],
)
def test_device_and_sandbox_failures_are_distinguished_from_volume_failures(
    kind: str, text: str, reason: str
) -> None:
    finding = volume_finding(creating(), (mount_event(text, reason=kind),))
    assert finding is not None
    assert (finding.reason, text in finding.message) == (reason, True)


def test_the_id_of_a_mount_attempt_does_not_change_the_message() -> None:
    messages = {
        finding.message
        for digit in "ab"
        if (finding := volume_finding(creating(), (mount_event(f"sandbox {digit * 64} failed"),)))
    }
    assert len(messages) == 1
