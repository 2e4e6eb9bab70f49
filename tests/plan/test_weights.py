"""The progress of downloads: what the status says, and how seldom it says something else."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from fairlead_contract.status import PodReport
from fairlead_operator.plan.findings import Finding
from fairlead_operator.plan.status.weights import Download, observe_downloads, weights_ready, weights_status
from fairlead_operator.render.model import Model
from tests.plan.builders import (
    PlannedNamespace,
    desired_revision,
    ended,
    model,
    model_body,
    pod,
    pod_report,
    running,
    waiting,
)
from tests.plan.builders import condition as condition_of_kubernetes

Object = dict[str, Any]

GIGABYTE = 10**9


BODY = model_body(model={"source": "hf://org/big", "adapters": [{"name": "poet", "source": "hf://org/poet"}]})


class Hub(PlannedNamespace):
    """A world whose model is downloaded."""

    def __init__(self) -> None:
        super().__init__(copy.deepcopy(BODY))
        self.reconcile()

    def download(
        self, container: Object, report: PodReport | None = None, late: bool = False, **states: Any
    ) -> None:
        """One pod whose download is in this state, and what its gateway says."""
        revision = desired_revision(self.deployment())
        body = pod(revision=revision, **({"engine": waiting("PodInitializing")} | states))
        body["status"]["initContainerStatuses"].append({"name": "weights", "image": "g", **container})
        body["spec"]["nodeName"] = "node-1"
        reason = "ProgressDeadlineExceeded" if late else "ReplicaSetUpdated"
        self.roll([body], progressing=condition_of_kubernetes("Progressing", str(not late), reason=reason))
        self.reports = {body["metadata"]["name"]: report} if report else {}


def hub(**status: Any) -> Model:
    """A model from the hub with this status."""
    body = model(model={"source": "hf://org/big"})
    return Model(**{**vars(body), "status": status})


def fetching(name: str = "tiny-1", container: Object | None = None) -> Object:
    """A pod whose container for the download is in this state."""
    found = pod(name, engine=waiting("PodInitializing"))
    statuses = found["status"]["initContainerStatuses"]
    statuses.append({"name": "weights", "image": "gateway:1", **(container or running())})
    return found


def downloaded(done: int, total: int | None = 10 * GIGABYTE, **more: Any) -> PodReport:
    """What the gateway of a pod that downloads answers."""
    weights = {"phase": "Downloading", "source": "hf://org/big", "bytes": done, "totalBytes": total, **more}
    return pod_report(weights=weights)


def observe(parsed: Model, *pods: Object, **reports: PodReport) -> dict[str, Download]:
    return observe_downloads(parsed, pods, {name.replace("_", "-"): item for name, item in reports.items()})


def one(parsed: Model, body: Object, report: PodReport | None = None) -> Download:
    (found,) = observe(parsed, body, **({"tiny_1": report} if report else {})).values()
    return found


def condition(reason: str, message: str) -> Object:
    return {"type": "WeightsReady", "status": "False", "reason": reason, "message": message}


def test_a_download_reports_bytes_percent_and_rate() -> None:
    download = one(hub(), fetching(), downloaded(2 * GIGABYTE, bytesPerSecond=120_000_000))
    assert download.status == {
        "phase": "Downloading",
        "source": "hf://org/big",
        "pod": "tiny-1",
        "bytes": 2 * GIGABYTE,
        "totalBytes": 10 * GIGABYTE,
        "percent": 20,
    }
    assert download.finding == Finding(
        "WeightsDownloading", "pod tiny-1 downloads hf://org/big: 2.0 GB of 10.0 GB, 20 %, 120.0 MB/s"
    )


def test_a_download_of_unknown_size_reports_no_percent() -> None:
    download = one(hub(), fetching(), downloaded(0, None))
    assert "percent" not in download.status
    assert "totalBytes" not in download.status


def test_an_unreachable_gateway_hides_only_the_figures_of_a_download() -> None:
    download = one(hub(), fetching())
    assert (download.phase, download.status["source"]) == ("Downloading", "hf://org/big")


def test_a_pod_that_waits_for_the_download_of_another_pod_reports_it() -> None:
    report = downloaded(
        5 * GIGABYTE, phase="Waiting", detail="pod other downloads into the shared cache 50 %"
    )
    download = one(hub(), fetching(), report)
    assert (download.phase, download.status["percent"]) == ("Waiting", 50)
    assert download.finding is not None
    assert download.finding.reason == "WeightsWaiting"
    assert "pod other" in download.finding.message


def test_a_download_in_trouble_is_reported_by_the_finding_of_its_container() -> None:
    cause = {"reason": "WeightsRateLimited", "message": "the hub answered 429"}
    download = one(hub(), fetching(), downloaded(GIGABYTE, cause=cause))
    assert (download.phase, download.finding) == ("Downloading", None)


@pytest.mark.parametrize("container", [waiting("PodInitializing"), None])
def test_a_pod_that_has_not_started_has_no_download(container: Object | None) -> None:
    body = fetching(container=container) if container else pod()
    assert observe(hub(), body) == {}


def test_a_download_status_changes_only_at_each_step() -> None:
    first = one(hub(), fetching(), downloaded(2 * GIGABYTE, bytesPerSecond=5))
    assert first.finding is not None
    before = hub(weights=first.status, conditions=[condition(first.finding.reason, first.finding.message)])
    assert one(before, fetching(), downloaded(2_400_000_000, bytesPerSecond=900)) == first
    after = one(before, fetching(), downloaded(2_500_000_000))
    assert (after.status["percent"], after.status["bytes"]) == (25, 2_500_000_000)


def test_a_whole_download_takes_few_writes_of_the_status() -> None:
    written: list[Object] = []
    parsed = hub()
    for done in range(0, 10 * GIGABYTE, 10_000_000):
        download = one(parsed, fetching(), downloaded(done))
        if not written or download.status != written[-1]:
            written.append(copy.deepcopy(download.status))
            parsed = hub(weights=download.status)
    assert len(written) <= 21


def test_a_finished_download_is_complete_without_a_further_gateway_query() -> None:
    done: Object = {"state": ended(code=0), "restartCount": 0}
    known = one(hub(), fetching(container=done), downloaded(10 * GIGABYTE, phase="Complete"))
    assert known.status == {
        "phase": "Complete",
        "source": "hf://org/big",
        "pod": "tiny-1",
        "bytes": 10 * GIGABYTE,
        "totalBytes": 10 * GIGABYTE,
        "percent": 100,
    }
    assert one(hub(weights=known.status), fetching(container=done)).status == known.status


def test_a_repeated_download_is_not_complete() -> None:
    again: Object = {**running(), "lastState": ended(code=0), "restartCount": 1}
    assert one(hub(), fetching(container=again), downloaded(GIGABYTE)).phase == "Downloading"


def test_a_download_failure_is_reported_until_the_next_attempt_gets_further() -> None:
    again: Object = {**running(), "lastState": ended("full", code=1), "restartCount": 1}
    off: Object = {**waiting("CrashLoopBackOff"), "lastState": ended("full", code=1), "restartCount": 1}
    failed = one(hub(), fetching(container=off), downloaded(2 * GIGABYTE, phase="Failed"))
    assert (failed.phase, failed.finding, failed.status["bytes"]) == ("Failed", None, 2 * GIGABYTE)

    before = hub(weights=failed.status)
    assert one(before, fetching(container=again), downloaded(2 * GIGABYTE)).phase == "Failed"
    assert one(before, fetching(container=again), downloaded(3 * GIGABYTE)).phase == "Downloading"


def test_the_status_shows_the_least_advanced_download() -> None:
    pods = [fetching(f"tiny-{number}") for number in (1, 2, 3)]
    found = observe(
        hub(),
        *pods,
        tiny_1=downloaded(9 * GIGABYTE),
        tiny_2=downloaded(GIGABYTE),
        tiny_3=downloaded(2 * GIGABYTE),
    )
    status = weights_status(found)
    assert status is not None
    assert (status["pod"], status["percent"]) == ("tiny-2", 10)
    assert weights_status({}) is None


def test_weights_are_ready_when_every_pod_has_them() -> None:
    done: Object = {"state": ended(code=0), "restartCount": 0}
    report = downloaded(10 * GIGABYTE, phase="Complete")
    both = [fetching("tiny-1", done), fetching("tiny-2", done)]
    ready, finding = weights_ready(hub(), observe(hub(), *both, tiny_1=report, tiny_2=report), {})
    assert (ready, finding.reason) == (True, "WeightsComplete")
    assert "10.0 GB" in finding.message

    one_of_them = observe(hub(), both[0], fetching("tiny-2"), tiny_1=report, tiny_2=downloaded(GIGABYTE))
    ready, finding = weights_ready(hub(), one_of_them, {})
    assert (ready, finding.reason) == (False, "WeightsDownloading")


def test_a_failed_download_makes_its_cause_the_reason() -> None:
    off: Object = {**waiting("CrashLoopBackOff"), "lastState": ended("x", code=1), "restartCount": 1}
    cause = Finding("WeightsUnauthorized", "the hub answered 401")
    found = observe(hub(), fetching(container=off))
    assert weights_ready(hub(), found, {"tiny-1": cause}) == (False, cause)


def test_without_pods_the_state_of_the_weights_is_unknown() -> None:
    assert weights_ready(hub(), {}, {})[0] is None


def test_a_model_without_a_download_has_ready_weights() -> None:
    ready, finding = weights_ready(model(), {}, {})
    assert (ready, finding.reason) == (True, "WeightsMounted")


def test_the_conditions_report_the_progress_of_a_download() -> None:
    world = Hub()
    world.download(running(), downloaded(3 * GIGABYTE, bytesPerSecond=250_000_000))
    world.reconcile()
    ready, weights = world.condition("Ready"), world.condition("WeightsReady")
    assert (ready["reason"], weights["status"], weights["reason"]) == (
        "WeightsDownloading",
        "False",
        "WeightsDownloading",
    )
    assert "30 %" in ready["message"]
    assert "250.0 MB/s" in weights["message"]
    assert world.body["status"]["weights"]["percent"] == 30
    assert world.condition("EngineReady")["status"] == "False"


def test_between_two_steps_of_a_download_no_status_is_written() -> None:
    world = Hub()
    world.download(running(), downloaded(3 * GIGABYTE, bytesPerSecond=250_000_000))
    world.reconcile()
    world.download(running(), downloaded(3_400_000_000, bytesPerSecond=1))
    assert world.plan().status == world.body["status"]
    assert world.plan().events == ()


def test_a_download_in_progress_does_not_exceed_the_deadline() -> None:
    world = Hub()
    world.download(running(), downloaded(3 * GIGABYTE), late=True)
    world.reconcile()
    assert world.condition("Stalled")["status"] == "False"
    assert world.condition("Ready")["reason"] == "WeightsDownloading"


def test_a_refused_download_stalls_the_model_with_its_cause() -> None:
    world = Hub()
    refused = '{"reason": "WeightsUnauthorized", "message": "the hub answered 401"}'
    world.download({**waiting("CrashLoopBackOff"), "lastState": ended(refused), "restartCount": 1})
    world.reconcile()
    for kind, status in (("Ready", "False"), ("Stalled", "True"), ("WeightsReady", "False")):
        reported = world.condition(kind)
        assert (reported["status"], reported["reason"]) == (status, "WeightsUnauthorized")
        assert "401" in reported["message"]
    assert world.body["status"]["weights"]["phase"] == "Failed"


def test_the_start_report_includes_the_seconds_of_the_download() -> None:
    world = Hub()
    ready: Object = {"engine": running("2026-01-01T11:58:40Z"), "ready": True}
    world.download({"state": ended(code=0), "restartCount": 0}, **ready)
    world.reconcile()
    assert world.condition("WeightsReady")["reason"] == "WeightsComplete"
    assert world.body["status"]["startup"]["downloadSeconds"] == 30


def test_adapters_are_listed_as_served_models() -> None:
    assert Hub().body["status"]["servedModels"] == ["tiny", "poet"]
