"""How far the weights are: status.weights, the condition WeightsReady, and why a pod waits for them.

Whether the download runs, has ended or failed is what the kubelet says of its container. How far it is, only
the pod's gateway tells, and only while the pod starts.

Figures that change all the time must not become writes to the API server all the time: the status moves on in
steps, and what it says between two steps is what it said at the last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairlead_operator.plan.findings import Finding, worst
from fairlead_operator.plan.podreport import PodReport
from fairlead_operator.render.model import Model
from fairlead_operator.render.weights import CONTAINER, downloads

Object = dict[str, Any]
Row = tuple[bool | None, Finding]

# Steps of the status: percent where the total is known, bytes where it is not.
_STEP_PERCENT = 5
_STEP_BYTES = 1 << 30
_ADVANCE = {"Failed": 0, "Waiting": 1, "Downloading": 1, "Complete": 2}


@dataclass(frozen=True)
class Download:
    """One pod's download: an entry of status.weights, and how it goes. What holds it up or made it fail is a
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
        told = report.weights.figures if report and report.weights else {}
        if download := _observe(model, pod, told):
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
    told = [found[pod].finding or causes.get(pod) for pod in missing]
    return False, worst([item for item in told if item]) or Finding("WeightsDownloading", "it begins")


def _advance(status: Object) -> tuple[int, int, str]:
    return _ADVANCE[status["phase"]], status.get("percent", 0), status["pod"]


def _observe(model: Model, pod: Object, told: Object) -> Download | None:
    """Nothing for a pod whose container has not been started."""
    statuses = pod.get("status", {}).get("initContainerStatuses") or []
    container: Object = next((item for item in statuses if item.get("name") == CONTAINER), {})
    state, name = container.get("state", {}), pod["metadata"]["name"]
    previous: Object = model.status.get("weights") or {}
    if previous.get("pod") != name:
        previous = {}
    if state.get("terminated", {}).get("exitCode") == 0:
        return Download(_complete(model, name, told or previous))
    # A pod whose sandbox was lost runs its init containers again, also those that had succeeded.
    end = state.get("terminated") or container.get("lastState", {}).get("terminated") or {}
    if end.get("exitCode") and not _goes_on(state, told, previous):
        figures = _figures(told or previous)
        return Download({"phase": "Failed", "source": model.spec.model.source, "pod": name, **figures})
    return _underway(model, name, told, previous) if "running" in state else None


def _goes_on(state: Object, told: Object, previous: Object) -> bool:
    """Whether a download that failed before has got further since: until then the failure is what counts."""
    return "running" in state and int(told.get("bytes") or 0) > int(previous.get("bytes") or 0)


def _complete(model: Model, pod: str, told: Object) -> Object:
    total = told.get("totalBytes")
    figures = {"bytes": total, "totalBytes": total} if total else {}
    return {"phase": "Complete", "source": model.spec.model.source, "percent": 100, "pod": pod, **figures}


def _underway(model: Model, pod: str, told: Object, previous: Object) -> Download:
    waits = told.get("phase") == "Waiting"
    phase = "Waiting" if waits else "Downloading"
    source = str(told.get("source") or model.spec.model.source)
    status = {"phase": phase, "source": source, "pod": pod, **_figures(told or previous)}
    if told.get("cause"):
        # It tries again; the finding is that of the container.
        return Download(status if _step(status) != _step(previous) else previous)
    finding = Finding(f"Weights{phase}", _sentence(pod, status, told))
    if _step(status) != _step(previous):
        return Download(status, finding)
    before: Object = next(
        (item for item in model.status.get("conditions") or [] if item.get("type") == "WeightsReady"), {}
    )
    same = before.get("reason") == finding.reason
    return Download(previous, Finding(finding.reason, before["message"]) if same else finding)


def _sentence(pod: str, status: Object, told: Object) -> str:
    done, total, rate = status.get("bytes", 0), status.get("totalBytes"), told.get("bytesPerSecond")
    figures = f"{human(done)} of {human(total)}, {status['percent']} %" if total else human(done)
    speed = f", {human(rate)}/s" if rate else ""
    if status["phase"] == "Waiting":
        what = told.get("detail") or "another pod downloads into the shared cache"
        return f"pod {pod} waits: {what}"
    return f"pod {pod} downloads {status['source']}: {figures}{speed}"


def _figures(told: Object) -> Object:
    done, total = int(told.get("bytes") or 0), told.get("totalBytes")
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
