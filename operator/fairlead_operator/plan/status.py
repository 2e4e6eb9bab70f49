"""The status of a ModelDeployment, from what is observed.

Conditions follow kstatus: Ready is the summary; Reconciling says that it is being worked on or waited for;
Stalled that only a human can help. Ready is True when everything that the spec asks for runs: all wanted
replicas of the current revision answer, or none is wanted and none is left. While a rollout replaces pods it
is False and the message says how many still serve.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from fairlead_operator.plan.capacity import capacity
from fairlead_operator.plan.containers import disruption_finding, engine_finding
from fairlead_operator.plan.endpoints import list_endpoints
from fairlead_operator.plan.failures import count_restarts, last_failure, observed_failures
from fairlead_operator.plan.findings import (
    Finding,
    condition_of,
    deadline_exceeded,
    deployment_finding,
    timestamp,
    worst,
)
from fairlead_operator.plan.nodes import Nodes
from fairlead_operator.plan.observed import is_leaving, live_revision
from fairlead_operator.plan.podreport import PodReport
from fairlead_operator.plan.reasons import explain, is_healthy
from fairlead_operator.plan.rollout import SURGING, RolloutChoice
from fairlead_operator.plan.scaling import scaling_rows
from fairlead_operator.plan.served_names import CONDITION, taken_finding
from fairlead_operator.plan.startup import measure_startup
from fairlead_operator.plan.unschedulable import scheduling_finding
from fairlead_operator.plan.volume_failures import volume_finding
from fairlead_operator.plan.weights import Download, observe_downloads, weights_ready, weights_status
from fairlead_operator.render.model import RENDERING_VERSION, Model
from fairlead_operator.render.service import service_url

Object = dict[str, Any]

# What may take as long as it likes: a queue, because that is what it is for, and a download that goes on. One
# that does not ends by itself.
_PATIENT = frozenset({"Queued", "WeightsDownloading", "WeightsWaiting"})
# What follows the cause in a message.
_TALLY = re.compile(r"; \d+ of \d+ replicas ready")


@dataclass(frozen=True)
class ModelState:
    """Where a model stands.

    `pods` are those of the current revision that are not on their way out, `all_pods` all of them. `settled`
    says that the live Deployment is as rendered and its controller has seen it. `blocked` is what keeps the
    operator from applying. `events` are Events about the pods, `reports` what their gateways tell. `version`
    is that of the rules that made the pod template, `rollout` how the pods are replaced. `downloads` are
    those of the pods, by name. `nodes` are those of the cluster, if they were read. `scaling` is what the
    status tells of the autoscaler, `router_host` where requests for a model at zero are held. `parting` are
    pods that are about to be deleted, `taken` names that other models have.
    """

    deployment: Object
    pods: tuple[Object, ...]
    settled: bool
    blocked: Finding | None = None
    all_pods: tuple[Object, ...] = ()
    events: tuple[Object, ...] = ()
    reports: Mapping[str, PodReport] = field(default_factory=dict)
    rollout: RolloutChoice = SURGING
    version: int = RENDERING_VERSION
    downloads: Mapping[str, Download] = field(default_factory=dict)
    nodes: Nodes | None = None
    scaling: Object | None = None
    router_host: str = ""
    parting: tuple[str, ...] = ()
    taken: Mapping[str, str] = field(default_factory=dict)


def current_pods(pods: tuple[Object, ...], revision: str) -> tuple[Object, ...]:
    """Pods of a revision that are not being deleted, by name."""
    found = [pod for pod in pods if not is_leaving(pod) and live_revision(pod) == revision]
    return tuple(sorted(found, key=lambda pod: str(pod["metadata"]["name"])))


def build_status(model: Model, progress: ModelState, now: datetime) -> Object:
    """The status to report. Equal input gives an equal status, whatever the time, unless a condition
    changes.
    """
    counts = progress.deployment.get("status", {})
    progress = replace(progress, downloads=observe_downloads(model, progress.pods, progress.reports))
    status: Object = {
        "conditions": _conditions(model, progress, now),
        "observedGeneration": model.generation,
        "desiredReplicas": model.spec.replicas,
        "replicas": counts.get("replicas", 0),
        "readyReplicas": counts.get("readyReplicas", 0),
        "selector": ",".join(f"{key}={value}" for key, value in sorted(model.selector.items())),
        "url": service_url(model),
        "servedModels": [name for name in model.all_served_names if name not in progress.taken],
        "restarts": count_restarts(progress.all_pods),
        "renderingVersion": progress.version,
    }
    if failure := last_failure(model.status.get("lastFailure"), observed_failures(progress.all_pods)):
        status["lastFailure"] = failure
    if endpoints := list_endpoints(progress.all_pods, progress.reports, progress.parting):
        status["endpoints"] = endpoints
    if weights := weights_status(progress.downloads):
        status["weights"] = weights
    if startup := measure_startup(list(progress.pods), model.status.get("startup")):
        status["startup"] = startup
    if progress.scaling:
        status["autoscaling"] = progress.scaling
    return status


def _conditions(model: Model, progress: ModelState, now: datetime) -> list[Object]:
    ready, outcome, late = _outcome(model, progress)
    stalled = not ready and (late or outcome.stalled)
    words = {True: "True", False: "False", None: "Unknown"}
    scheduled, scheduling = _scheduled(model, progress)
    serving, engine = _engine_ready(model, progress, outcome)
    rows: list[tuple[str, bool | None, Finding]] = [
        ("Ready", ready, outcome),
        ("Reconciling", not ready and not stalled, outcome),
        ("Stalled", stalled, outcome),
        ("Scheduled", scheduled, scheduling),
        ("CapacityAvailable", *_capacity(model, progress)),
        ("WeightsReady", *weights_ready(model, progress.downloads, _causes(progress))),
        ("EngineReady", serving, engine),
        *scaling_rows(model, progress.scaling, progress.router_host),
    ]
    # Only while it is so: what is well without exception needs no row.
    if taken := taken_finding(progress.taken):
        rows.append((CONDITION, True, taken))
    return [
        make_condition(model.status, model.generation, kind, words[value], finding, now)
        for kind, value, finding in rows
    ]


def make_condition(
    previous: Object, generation: int, kind: str, status: str, finding: Finding, now: datetime
) -> Object:
    """One condition, with what to do about it. Its transition time is kept while its status stays the
    same.
    """
    before: Object = next((item for item in previous.get("conditions") or [] if item.get("type") == kind), {})
    same = before.get("status") == status and before.get("lastTransitionTime")
    return {
        "type": kind,
        "status": status,
        "observedGeneration": generation,
        "lastTransitionTime": before["lastTransitionTime"] if same else timestamp(now),
        "reason": finding.reason,
        "message": explain(finding.reason, finding.message),
    }


def _outcome(model: Model, progress: ModelState) -> tuple[bool, Finding, bool]:
    """Whether everything asked for runs, why or why not, and whether the rollout's deadline has passed."""
    if progress.blocked:
        return False, progress.blocked, False
    if not progress.settled:
        return False, Finding("Progressing", "the objects of the model are being updated"), False
    wanted, counts = model.spec.replicas, progress.deployment.get("status", {})
    replicas, ready = counts.get("replicas", 0), counts.get("readyReplicas", 0)
    updated = counts.get("updatedReplicas", 0)
    if wanted == 0 and replicas == 0:
        return True, Finding("ScaledToZero", "no replica is wanted and none runs"), False
    if replicas == updated == ready == wanted:
        return True, Finding("Ready", f"{ready} of {wanted} replicas ready"), False
    cause = worst([*_pod_findings(model, progress), *_deployment_findings(progress)])
    late = deadline_exceeded(progress.deployment) and not (cause and cause.reason in _PATIENT)
    return False, _cause(model, cause, late, f"{ready} of {wanted} replicas ready"), late


def _cause(model: Model, cause: Finding | None, late: bool, tally: str) -> Finding:
    if late and (cause is None or is_healthy(cause.reason)):
        text = f"; {cause.message}" if cause else ""
        seconds = model.spec.rollout.progress_deadline_seconds
        return Finding("DeadlineExceeded", f"{tally}; no progress within {seconds} s{text}")
    if cause is None or cause.reason == "Progressing":
        return Finding("Progressing", f"{tally}; {cause.message}" if cause else tally)
    return replace(cause, message=f"{cause.message}; {tally}")


def _pod_findings(model: Model, progress: ModelState) -> list[Finding]:
    # Pods that the kubelet gave up lie about until they are collected; while enough others live they mean
    # nothing.
    alive = [pod for pod in progress.pods if pod.get("status", {}).get("phase") != "Failed"]
    pods = alive if len(alive) >= model.spec.replicas else progress.pods
    causes = {name: _remembered(model, cause) for name, cause in _causes(progress).items()}
    names = [pod["metadata"]["name"] for pod in pods]
    return [causes[name] for name in names if name in causes] + _losses(progress)


def _remembered(model: Model, finding: Finding) -> Finding:
    """The cause that the condition Ready named before, of a finding that names none at the moment."""
    before = condition_of({"status": model.status}, "Ready") or {}
    message = str(before.get("message"))
    if not finding.about or not message.startswith(finding.about):
        return finding
    return Finding(before["reason"], _TALLY.split(message)[0])


def pod_causes(model: Model, progress: ModelState) -> dict[str, Finding]:
    """Why the pods that are not ready are not, by name."""
    downloads = observe_downloads(model, progress.pods, progress.reports)
    return _causes(replace(progress, downloads=downloads))


def _causes(progress: ModelState) -> dict[str, Finding]:
    """Why the pods that are not ready are not, by name."""
    found = {}
    for pod in progress.pods:
        name = pod["metadata"]["name"]
        download = progress.downloads.get(name)
        finding = (
            scheduling_finding(pod, progress.nodes)
            or volume_finding(pod, progress.events)
            or (download.finding if download else None)
            or engine_finding(pod, progress.reports.get(name))
        )
        if finding:
            found[name] = finding
    return found


def _losses(progress: ModelState) -> list[Finding]:
    """Pods that leave although nobody asked for it: why their replacements have to come."""
    leaving = [pod for pod in progress.all_pods if is_leaving(pod)]
    return [finding for pod in leaving if (finding := disruption_finding(pod))]


def _deployment_findings(progress: ModelState) -> list[Finding]:
    finding = deployment_finding(progress.deployment)
    return [finding] if finding else []


def _scheduled(model: Model, progress: ModelState) -> tuple[bool | None, Finding]:
    if model.spec.replicas == 0:
        return False, Finding("ScaledToZero", "no replica is wanted")
    if not progress.pods:
        return None, Finding("Progressing", "no pod of the current revision exists yet")
    if cause := worst(_refusals(progress)):
        return False, cause
    return True, Finding("Scheduled", "every pod has a node")


def _capacity(model: Model, progress: ModelState) -> tuple[bool | None, Finding]:
    return capacity(
        model.spec.replicas,
        progress.pods,
        progress.all_pods,
        _refusals(progress),
        progress.deployment,
        progress.rollout,
    )


def _refusals(progress: ModelState) -> list[Finding]:
    """Why pods have no node."""
    found = (scheduling_finding(pod, progress.nodes) for pod in progress.pods)
    return [finding for finding in found if finding]


def _engine_ready(model: Model, progress: ModelState, outcome: Finding) -> tuple[bool, Finding]:
    ready = progress.deployment.get("status", {}).get("readyReplicas", 0)
    if ready:
        return True, Finding("Serving", f"{ready} of {model.spec.replicas} replicas answer requests")
    if model.spec.replicas == 0:
        return False, Finding("ScaledToZero", "no replica is wanted")
    return False, outcome
