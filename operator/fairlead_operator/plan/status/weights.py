"""The progress of the weights: status.weights, the condition WeightsReady, and why a pod waits for them.

The kubelet reports whether the download's container runs, has ended or failed. The progress comes from the
pod's gateway, and only while the pod starts.

Figures that change all the time must not cause a write to the API server each time. So the status moves in
steps, and keeps the figures of the last step in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairlead_contract.status import PodReport
from fairlead_operator.api.names import WEIGHTS_CONTAINER
from fairlead_operator.objects import condition, named
from fairlead_operator.plan.findings import Finding, worst
from fairlead_operator.render.model import Model
from fairlead_operator.render.weights import downloads

Object = dict[str, Any]
Row = tuple[bool | None, Finding]

# Steps of the status: percent where the total is known, bytes where it is not.
_STEP_PERCENT = 5
_STEP_BYTES = 1 << 30
_ADVANCE = {"Failed": 0, "Waiting": 1, "Downloading": 1, "Complete": 2}


@dataclass(frozen=True)
class Download:
    """One pod's download: an entry of status.weights, and its progress. What blocks it or made it fail is a
    finding about its container.
    """

    status: Object
    finding: Finding | None = None

    @property
    def phase(self) -> str:
        """The phase in the status."""
        return str(self.status["phase"])


def observe_downloads(
    model: Model, pods: tuple[Object, ...], reports: Mapping[str, PodReport]
) -> dict[str, Download]:
    """The downloads of the pods that have begun with theirs, by pod."""
    found = {}
    for pod in pods:
        name = pod["metadata"]["name"]
        report = reports.get(name)
        reported = report.weights.figures if report and report.weights else {}
        if download := _observe(model, pod, reported):
            found[name] = download
    return found


def weights_status(found: Mapping[str, Download]) -> Object | None:
    """status.weights: the least advanced download."""
    return min((item.status for item in found.values()), key=_advance, default=None)


def weights_ready(model: Model, found: Mapping[str, Download], causes: Mapping[str, Finding]) -> Row:
    """The condition WeightsReady; `causes` are why pods are not ready, by pod."""
    if not downloads(model):
        return True, Finding("WeightsMounted", "nothing is downloaded")
    if model.spec.replicas == 0:
        return None, Finding("ScaledToZero", "no replica is wanted")
    if not found:
        return None, Finding("Progressing", "no pod has begun to download")
    missing = [pod for pod, item in found.items() if item.phase != "Complete"]
    if not missing:
        total = max(int(item.status.get("totalBytes") or 0) for item in found.values())
        return True, Finding(
            "WeightsComplete", f"the weights are there, {human(total)}" if total else "the weights are there"
        )
    reported = [found[pod].finding or causes.get(pod) for pod in missing]
    return False, worst([item for item in reported if item]) or Finding("WeightsDownloading", "it begins")


def _advance(status: Object) -> tuple[int, int, str]:
    return _ADVANCE[status["phase"]], status.get("percent", 0), status["pod"]


def _observe(model: Model, pod: Object, reported: Object) -> Download | None:
    """Nothing for a pod whose container has not been started."""
    statuses = pod.get("status", {}).get("initContainerStatuses") or []
    container = named(statuses, WEIGHTS_CONTAINER)
    state, name = container.get("state", {}), pod["metadata"]["name"]
    previous: Object = model.status.get("weights") or {}
    if previous.get("pod") != name:
        previous = {}
    if state.get("terminated", {}).get("exitCode") == 0:
        return Download(_complete(model, name, reported or previous))
    # A pod whose sandbox was lost runs its init containers again, also those that had succeeded.
    end = state.get("terminated") or container.get("lastState", {}).get("terminated") or {}
    if end.get("exitCode") and not _goes_on(state, reported, previous):
        figures = _figures(reported or previous)
        return Download({"phase": "Failed", "source": model.spec.model.source, "pod": name, **figures})
    return _underway(model, name, reported, previous) if "running" in state else None


def _goes_on(state: Object, reported: Object, previous: Object) -> bool:
    """Whether a download that failed before has got further since: until then the failure is what counts."""
    return "running" in state and int(reported.get("bytes") or 0) > int(previous.get("bytes") or 0)


def _complete(model: Model, pod: str, reported: Object) -> Object:
    total = reported.get("totalBytes")
    figures = {"bytes": total, "totalBytes": total} if total else {}
    return {"phase": "Complete", "source": model.spec.model.source, "percent": 100, "pod": pod, **figures}


def _underway(model: Model, pod: str, reported: Object, previous: Object) -> Download:
    waits = reported.get("phase") == "Waiting"
    phase = "Waiting" if waits else "Downloading"
    source = str(reported.get("source") or model.spec.model.source)
    status = {"phase": phase, "source": source, "pod": pod, **_figures(reported or previous)}
    if reported.get("cause"):
        # The download tries again; the finding is that of its container.
        return Download(status if _step(status) != _step(previous) else previous)
    finding = Finding(f"Weights{phase}", _sentence(pod, status, reported))
    if _step(status) != _step(previous):
        return Download(status, finding)
    before = condition(model.status, "WeightsReady")
    same = before.get("reason") == finding.reason
    return Download(previous, Finding(finding.reason, before["message"]) if same else finding)


def _sentence(pod: str, status: Object, reported: Object) -> str:
    done, total, rate = status.get("bytes", 0), status.get("totalBytes"), reported.get("bytesPerSecond")
    figures = f"{human(done)} of {human(total)}, {status['percent']} %" if total else human(done)
    speed = f", {human(rate)}/s" if rate else ""
    if status["phase"] == "Waiting":
        what = reported.get("detail") or "another pod downloads into the shared cache"
        return f"pod {pod} waits: {what}"
    return f"pod {pod} downloads {status['source']}: {figures}{speed}"


def _figures(reported: Object) -> Object:
    done, total = int(reported.get("bytes") or 0), reported.get("totalBytes")
    if not total:
        return {"bytes": done}
    return {"bytes": done, "totalBytes": total, "percent": min(100, done * 100 // int(total))}


def _step(status: Object) -> tuple[object, ...]:
    place = status.get("phase"), status.get("pod"), status.get("totalBytes")
    if status.get("totalBytes"):
        return (*place, int(status.get("percent", 0)) // _STEP_PERCENT)
    return (*place, int(status.get("bytes", 0)) // _STEP_BYTES)


def human(size: float) -> str:
    """Bytes with a decimal unit, as disks and hubs count: "1.5 GB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
