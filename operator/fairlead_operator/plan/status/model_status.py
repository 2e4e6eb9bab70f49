"""The status of a ModelDeployment, from what is observed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from fairlead_contract.status import PodReport
from fairlead_operator.api.names import selector
from fairlead_operator.objects import is_leaving, is_true
from fairlead_operator.plan.children.workload import serving_pods
from fairlead_operator.plan.pods.failures import count_restarts, last_failure, observed_failures
from fairlead_operator.plan.rollout.removal import load_of
from fairlead_operator.plan.status.conditions import build_conditions
from fairlead_operator.plan.status.inferred import engine_status
from fairlead_operator.plan.status.model_state import ModelState
from fairlead_operator.plan.status.startup import measure_startup
from fairlead_operator.plan.status.weights import observe_downloads, weights_status
from fairlead_operator.render.model import Model
from fairlead_operator.render.service import service_url

Object = dict[str, Any]


def build_status(model: Model, progress: ModelState, now: datetime) -> Object:
    """The status to report. Equal input gives an equal status at any time, unless a condition changes."""
    counts = progress.deployment.get("status", {})
    progress = replace(progress, downloads=observe_downloads(model, progress.pods, progress.reports))
    status: Object = {
        "conditions": build_conditions(model, progress, now),
        "observedGeneration": model.generation,
        "desiredReplicas": model.spec.replicas,
        "replicas": counts.get("replicas", 0),
        "readyReplicas": counts.get("readyReplicas", 0),
        "selector": selector(model.selector),
        "url": service_url(model),
        "servedModels": [name for name in model.all_served_names if name not in progress.taken],
        "restarts": count_restarts(progress.all_pods),
        "renderingVersion": progress.version,
    }
    if failure := last_failure(model.status.get("lastFailure"), observed_failures(progress.all_pods)):
        status["lastFailure"] = failure
    if endpoints := list_endpoints(progress.all_pods, progress.reports, progress.draining):
        status["endpoints"] = endpoints
    if weights := weights_status(progress.downloads):
        status["weights"] = weights
    if engine := engine_status(model, progress.pods, progress.reports):
        status["engine"] = engine
    if startup := measure_startup(list(progress.pods), model.status.get("startup")):
        status["startup"] = startup
    if progress.scaling:
        status["autoscaling"] = progress.scaling
    return status


def list_endpoints(
    pods: tuple[Object, ...], reports: Mapping[str, PodReport], draining: Collection[str] = ()
) -> list[Object]:
    """status.endpoints: the pods by name, of each revision; failed pods are left out, and workers, which
    serve no requests themselves. The pods in `draining` are about to be deleted and must get no new requests.

    The load of serving pods is not part of it: it changes with every request, and each change of the status
    is a write to the API server. Metrics have it.
    """
    return [
        _endpoint(pod, reports.get(pod["metadata"]["name"]), pod["metadata"]["name"] in draining)
        for pod in sorted(serving_pods(pods), key=lambda pod: str(pod["metadata"]["name"]))
    ]


def _endpoint(pod: Object, report: PodReport | None, draining: bool) -> Object:
    name = pod["metadata"]["name"]
    if draining or is_leaving(pod):
        load = load_of(report)
        return {"pod": name, "state": "Draining", **({} if load is None else {"inFlight": load})}
    return {"pod": name, "state": "Ready" if is_true(pod, "Ready") else "Starting"}
