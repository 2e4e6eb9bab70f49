"""Every cause that a pod's containers or its gateway report becomes a reason, with its text kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairlead_contract.status import PodReport
from fairlead_operator.plan.catalogue.reasons import CATALOGUE, may_be_claimed
from fairlead_operator.plan.pods.containers import disruption_finding, engine_finding
from tests.plan.builders import Object, condition, ended, pod, pod_report, running, waiting

LAUNCHER = json.dumps({"reason": "ContextTooLong", "message": "fits 2048", "exitCode": 1})


def test_a_ready_pod_has_no_cause() -> None:
    assert engine_finding(pod(ready=True)) is None


@pytest.mark.parametrize(
    ("body", "reason", "text"),
    [
        (pod(engine=waiting("ErrImagePull", "dial tcp: i/o timeout")), "ImagePullFailed", "image vllm:1"),
        (pod(engine=waiting("ErrImagePull", "429 Too Many Requests")), "ImagePullFailed", "image vllm:1"),
        (pod(engine=waiting("ErrImagePull", "vllm:1: not found")), "ImageNotFound", "vllm:1: not found"),
        (pod(engine=waiting("ErrImageNeverPull")), "ImageNotFound", "image vllm:1"),
        (pod(engine=waiting("InvalidImageName")), "ImageNotFound", "InvalidImageName"),
        (
            pod(gateway=waiting("ErrImagePull", "pull access denied, repository does not exist")),
            "ImagePullUnauthorized",
            "image gateway:1",
        ),
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
            pod(gateway=waiting("CrashLoopBackOff", lastState=ended("no config"), restartCount=2)),
            "GatewayFailed",
            "no config",
        ),
        (
            pod(phase="Failed", reason="Evicted", message="low on ephemeral-storage"),
            "DiskFull",
            "Evicted: low on ephemeral-storage",
        ),
        (pod(phase="Failed", reason="Evicted", message="low on memory"), "Evicted", "low on memory"),
        (pod(phase="Failed", reason="NodeShutdown", message="bye"), "PodFailed", "NodeShutdown: bye"),
        (pod(phase="Failed", reason="NodeLost"), "NodeLost", "tiny-1"),
        (
            pod(conditions=[condition("Ready", "False"), condition("ContainersReady", "True")]),
            "NodeLost",
            "node-1",
        ),
        (
            pod(engine=running(started=True, ready=True), gateway=running(ready=True), ready=False),
            "Progressing",
            "tiny-1",
        ),
    ],
)
def test_a_pods_state_becomes_a_reason_and_its_text_is_kept(body: Object, reason: str, text: str) -> None:
    finding = engine_finding(body)
    assert finding is not None
    assert (finding.reason, text in finding.message) == (reason, True), finding


def end_of(container: str, message: str) -> Object:
    """A pod in which this container has ended with a termination message."""
    if container == "vllm":
        return pod(engine={"state": ended(message)})
    return with_container(container, {"state": ended(message)}, init=True, engine=WAITS)


@pytest.mark.parametrize("reason", ["MoonPhase", "Ready", "ScaledToZero", "WeightsComplete", "NameConflict"])
@pytest.mark.parametrize(
    ("container", "own"),
    [("vllm", "EngineCrashed"), ("weights", "WeightsDownloadFailed"), ("setup", "InitContainerFailed")],
)
def test_a_reason_that_a_container_may_not_set_becomes_part_of_the_text(
    container: str, own: str, reason: str
) -> None:
    finding = engine_finding(end_of(container, json.dumps({"reason": reason, "message": "wrong moon"})))
    assert finding is not None
    assert finding.reason == own
    assert f"{reason}: wrong moon" in finding.message


def test_a_gateway_can_only_set_reasons_of_the_download() -> None:
    report = pod_report(weights={"cause": {"reason": "Ready", "message": "all is well"}})
    finding = engine_finding(with_container("weights", running(), init=True, engine=WAITS), report)
    assert finding is not None
    assert (finding.reason, "Ready: all is well" in finding.message) == ("WeightsDownloadFailed", True)


def test_launcher_and_download_may_set_all_of_their_reasons() -> None:
    for name in ("ContextTooLong", "EngineCrashed", "HostOutOfMemory", "WeightsNotFound", "DiskFull"):
        assert may_be_claimed(name), name
    assert not any(may_be_claimed(name) for name, reason in CATALOGUE.items() if reason.healthy)


@pytest.mark.parametrize(
    "message",
    [
        "[" * 4096,
        '{"a":' * 800,
        '{"reason": ["ContextTooLong"], "message": "x"}',
        '{"reason": {"a": 1}}',
        '{"reason": 1e999}',
        f'{{"reason": {"9" * 4000}}}',
        '["ContextTooLong"]',
        "null",
    ],
)
@pytest.mark.parametrize("container", ["vllm", "weights", "gateway", "setup"])
def test_a_termination_message_in_another_form_gets_a_reason_of_the_catalogue(
    container: str, message: str
) -> None:
    body = end_of(container, message) if container != "gateway" else pod(gateway={"state": ended(message)})
    finding = engine_finding(body)
    assert finding is not None
    assert finding.reason in CATALOGUE
    assert "exit code 1" in finding.message


def test_control_and_unencodable_characters_are_removed_from_messages() -> None:
    written = json.dumps({"reason": "EngineCrashed", "message": "\x1b[2J\x07\ud800bo\u202eom"})
    finding = engine_finding(pod(engine={"state": ended(written)}))
    assert finding is not None
    assert finding.message.startswith("[2Jboom (pod tiny-1")
    assert finding.message.encode()


def with_container(name: str, state: Object, *, init: bool, **engine: Any) -> Object:
    """A pod with one container more."""
    body = pod(**engine)
    kind = "initContainerStatuses" if init else "containerStatuses"
    body["status"][kind].append({"name": name, "image": f"{name}:1", **state})
    return body


def reason_of(body: Object, report: PodReport | None = None) -> str:
    """The reason that is found."""
    finding = engine_finding(body, report)
    assert finding is not None
    return finding.reason


def test_the_back_off_between_two_pulls_does_not_change_the_message() -> None:
    text = "failed to resolve reference: dial tcp: connection refused"
    back_off = f'Back-off pulling image "vllm:1": ErrImagePull: {text}'
    found = {
        engine_finding(pod(engine=waiting("ErrImagePull", text))),
        engine_finding(pod(engine=waiting("ImagePullBackOff", back_off))),
    }
    assert len(found) == 1


@pytest.mark.parametrize(
    ("message", "restarts", "seconds", "stalled"),
    [
        ("boom", 2, 30, False),
        ("boom", 3, 30, True),
        ("boom", 9, 3000, False),
        ('{"reason": "EngineStartTimeout", "message": "slow"}', 3, 3000, True),
        ('{"reason": "WeightsRateLimited", "message": "later"}', 9, 30, False),
        ('{"reason": "MoonPhase", "message": "wrong moon"}', 3, 30, True),
        ('{"reason": "ScaledToZero", "message": "all is well"}', 3, 30, True),
    ],
)
def test_repeated_crashes_of_short_lived_engines_need_a_human(
    message: str, restarts: int, seconds: int, stalled: bool
) -> None:
    minutes, rest = divmod(seconds, 60)
    end = ended(
        message, startedAt="2026-01-01T11:00:00Z", finishedAt=f"2026-01-01T11:{minutes:02}:{rest:02}Z"
    )
    finding = engine_finding(pod(engine=waiting("CrashLoopBackOff", lastState=end, restartCount=restarts)))
    assert finding is not None
    assert finding.stalled is stalled


HUNG = pod_report(unresponsiveSeconds=301.5)


def test_a_hanging_engine_is_reported_from_its_gateways_status() -> None:
    serving = pod(engine=running(started=True))
    assert reason_of(serving, HUNG) == "EngineUnresponsive"
    assert reason_of(serving, pod_report(unresponsiveSeconds=0)) == "EngineNotReady"


def test_the_duration_of_a_hang_does_not_change_the_message() -> None:
    serving = pod(engine=running(started=True))
    assert engine_finding(serving, HUNG) == engine_finding(serving, pod_report(unresponsiveSeconds=900))


def test_the_phase_of_a_start_is_reported() -> None:
    finding = engine_finding(pod(engine=running()), pod_report(engine={"phase": "LoadingWeights"}))
    assert finding is not None
    assert (finding.reason, "LoadingWeights" in finding.message) == ("EngineStarting", True)


WAITS = waiting("PodInitializing")


@pytest.mark.parametrize(
    ("state", "report", "reason"),
    [
        (
            running(),
            {"phase": "Downloading", "cause": {"reason": "WeightsRateLimited", "message": "429"}},
            "WeightsRateLimited",
        ),
        (
            waiting("CrashLoopBackOff", lastState=ended('{"reason": "WeightsForbidden", "message": "403"}')),
            None,
            "WeightsForbidden",
        ),
        (waiting("CrashLoopBackOff", lastState=ended("boom")), None, "WeightsDownloadFailed"),
        (waiting("CrashLoopBackOff", lastState=ended("", 137, reason="OOMKilled")), None, "HostOutOfMemory"),
        ({"state": ended("", 0)}, {"phase": "Complete"}, "EngineStarting"),
    ],
)
def test_the_cause_of_a_delayed_or_failed_download_is_reported(
    state: Object, report: Object | None, reason: str
) -> None:
    engine = running() if reason == "EngineStarting" else WAITS
    body = with_container("weights", state, init=True, engine=engine)
    assert reason_of(body, pod_report(weights=report)) == reason


def test_a_failing_init_container_of_the_user_is_named_with_its_message() -> None:
    state = waiting("CrashLoopBackOff", lastState=ended("no licence"))
    finding = engine_finding(with_container("setup", state, init=True, engine=WAITS))
    assert finding is not None
    assert finding.reason == "InitContainerFailed"
    assert "no licence (container setup" in finding.message


def test_an_unready_container_of_the_user_is_named() -> None:
    ready = {"engine": running(started=True, ready=True), "gateway": running(ready=True)}
    finding = engine_finding(with_container("metrics", running(ready=False), init=False, **ready))
    assert finding is not None
    assert (finding.reason, "metrics" in finding.message) == ("ContainerNotReady", True)


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ("PreemptionByScheduler", "Preempted"),
        ("DeletionByTaintManager", "NodeLost"),
        ("EvictionByEvictionAPI", None),
    ],
)
def test_an_unrequested_disruption_of_a_pod_is_reported(reason: str, found: str | None) -> None:
    body = pod(conditions=[condition("DisruptionTarget", "True", reason=reason, message="why")])
    finding = disruption_finding(body)
    assert (finding.reason if finding else None) == found


def test_a_long_container_message_is_cut() -> None:
    finding = engine_finding(pod(engine={"state": ended("x" * 4000)}))
    assert finding is not None
    assert len(finding.message) < 800
