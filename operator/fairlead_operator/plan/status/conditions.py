"""The conditions of a ModelDeployment.

They follow kstatus: Ready is the summary; Reconciling means that the operator or Kubernetes is at work,
or waits; Stalled that only a human can help. Ready is True when everything in the spec runs: all desired
replicas of the current revision answer, or none is desired and none is left. While a rollout replaces pods it
is False and the message has the number of ready ones.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from fairlead_operator.objects import condition, is_leaving
from fairlead_operator.plan.catalogue.reasons import explain, is_healthy
from fairlead_operator.plan.findings import (
    Finding,
    deadline_exceeded,
    deployment_finding,
    timestamp,
    worst,
)
from fairlead_operator.plan.pods.containers import disruption_finding, engine_finding
from fairlead_operator.plan.pods.volume_failures import volume_finding
from fairlead_operator.plan.scaling.status import scaling_rows
from fairlead_operator.plan.scheduling.unschedulable import scheduling_finding
from fairlead_operator.plan.served_names import CONDITION, taken_finding
from fairlead_operator.plan.status.capacity import capacity
from fairlead_operator.plan.status.model_state import ModelState
from fairlead_operator.plan.status.weights import observe_downloads, weights_ready
from fairlead_operator.render.model import Model

Object = dict[str, Any]

# Waits without a deadline: a queue, which is meant to wait, and a download that makes progress. A stuck
# download ends by itself.
_PATIENT = frozenset({"Queued", "WeightsDownloading", "WeightsWaiting"})
# The text after the cause in a message.
_TALLY = re.compile(r"; \d+ of \d+ replicas ready")


def build_conditions(model: Model, progress: ModelState, now: datetime) -> list[Object]:
    """The conditions of the status. `downloads` of the state are those of its pods."""
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
    # Only while it is true: there is no condition for the normal state.
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
    before = condition(previous, kind)
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
    """Whether the whole spec runs, why or why not, and whether the rollout's deadline has passed."""
    if progress.blocked:
        return False, progress.blocked, False
    if not progress.settled:
        return False, Finding("Progressing", "the objects of the model are being updated"), False
    desired, counts = model.spec.replicas, progress.deployment.get("status", {})
    replicas, ready = counts.get("replicas", 0), counts.get("readyReplicas", 0)
    updated = counts.get("updatedReplicas", 0)
    if desired == 0 and replicas == 0:
        return True, Finding("ScaledToZero", "no replica is wanted and none runs"), False
    if replicas == updated == ready == desired:
        return True, Finding("Ready", f"{ready} of {desired} replicas ready"), False
    cause = worst([*_pod_findings(model, progress), *_deployment_findings(progress)])
    late = deadline_exceeded(progress.deployment) and not (cause and cause.reason in _PATIENT)
    return False, _cause(model, cause, late, f"{ready} of {desired} replicas ready"), late


def _cause(model: Model, cause: Finding | None, late: bool, tally: str) -> Finding:
    if late and (cause is None or is_healthy(cause.reason)):
        text = f"; {cause.message}" if cause else ""
        seconds = model.spec.rollout.progress_deadline_seconds
        return Finding("DeadlineExceeded", f"{tally}; no progress within {seconds} s{text}")
    if cause is None or cause.reason == "Progressing":
        return Finding("Progressing", f"{tally}; {cause.message}" if cause else tally)
    return replace(cause, message=f"{cause.message}; {tally}")


def _pod_findings(model: Model, progress: ModelState) -> list[Finding]:
    # Failed pods exist until they are collected. While there are enough others they are ignored.
    alive = [pod for pod in progress.pods if pod.get("status", {}).get("phase") != "Failed"]
    pods = alive if len(alive) >= model.spec.replicas else progress.pods
    causes = {name: _remembered(model, cause) for name, cause in _causes(progress).items()}
    names = [pod["metadata"]["name"] for pod in pods]
    return [causes[name] for name in names if name in causes] + _losses(progress)


def _remembered(model: Model, finding: Finding) -> Finding:
    """The cause that the condition Ready named before, of a finding that names none at the moment."""
    before = condition(model.status, "Ready")
    message = str(before.get("message"))
    if not finding.about or not message.startswith(finding.about):
        return finding
    return Finding(before["reason"], _TALLY.split(message)[0])


def pod_causes(model: Model, progress: ModelState) -> dict[str, Finding]:
    """Why pods are not ready, by name."""
    downloads = observe_downloads(model, progress.pods, progress.reports)
    return _causes(replace(progress, downloads=downloads))


def _causes(progress: ModelState) -> dict[str, Finding]:
    """Why pods are not ready, by name."""
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
    """Why pods are being deleted without the operator's intention, and have to be replaced."""
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
