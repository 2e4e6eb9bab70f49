"""Builders of the planner's input: models, pods and a small world that does what Kubernetes would."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

from fairlead_contract.status import PodReport
from fairlead_operator.api.names import API_VERSION, KIND, REVISION
from fairlead_operator.plan.observed import Observed
from fairlead_operator.plan.planner import Plan, plan
from fairlead_operator.render.model import Model, RenderSettings, parse_model
from fairlead_operator.render.templates import render_templates, revision_of

Object = dict[str, Any]

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
SETTINGS = RenderSettings(gateway_image="gateway:1", engine_image="vllm:1")


def desired_revision(workload: Object) -> str:
    """The revision that the pods of a rendered workload carry."""
    spec = workload["spec"]
    template = spec["template"] if "template" in spec else spec["leaderWorkerTemplate"]["leaderTemplate"]
    return revision_of(template)


def model_body(name: str = "tiny", **spec: Any) -> Object:
    """A ModelDeployment as the API server stores it."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": "demo", "uid": f"uid-{name}", "generation": 1},
        "spec": {"model": {"source": "pvc://models/tiny"}, **spec},
    }


def model(name: str = "tiny", **spec: Any) -> Model:
    """The same, parsed."""
    return parse_model(model_body(name, **spec))


def condition(kind: str, status: str, **more: str) -> Object:
    """A condition of a Kubernetes object."""
    return {"type": kind, "status": status, "lastTransitionTime": "2026-01-01T11:59:00Z", **more}


def pod(
    name: str = "tiny-1",
    *,
    revision: str | None = None,
    node: str = "node-1",
    ready: bool = False,
    unschedulable: str = "",
    engine: Object | None = None,
    gateway: Object | None = None,
    **status: Any,
) -> Object:
    """A pod of the default model, by default of the current revision."""
    scheduled = condition("PodScheduled", "False", reason="Unschedulable", message=unschedulable)
    if not unschedulable:
        scheduled = condition("PodScheduled", "True" if node else "Unknown")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "demo",
            "uid": f"uid-{name}",
            "creationTimestamp": "2026-01-01T11:58:00Z",
            "annotations": {REVISION: revision or revision_of(render_templates(model(), SETTINGS)[0])},
        },
        "spec": {"nodeName": "" if unschedulable else node},
        "status": {
            "phase": "Running",
            "conditions": [scheduled, condition("Ready", str(ready))],
            "initContainerStatuses": [{"name": "gateway", "image": "gateway:1", **(gateway or running())}],
            "containerStatuses": [
                {"name": "vllm", "image": "vllm:1", "started": ready, **(engine or running())}
            ],
            **status,
        },
    }


def pod_report(load: int = 0, **answer: Any) -> PodReport:
    """What the gateway of a pod answers to GET /status."""
    return PodReport.model_validate_json(json.dumps({"inFlight": load, "queued": 0, **answer}))


def running(started_at: str = "2026-01-01T11:59:10Z", **more: Any) -> Object:
    """State of a container that runs."""
    return {"state": {"running": {"startedAt": started_at}}, "restartCount": 0, **more}


def waiting(reason: str, message: str = "", **more: Any) -> Object:
    """State of a container that does not run yet or not any more."""
    return {"state": {"waiting": {"reason": reason, "message": message}}, "restartCount": 0, **more}


def creating(name: str = "tiny-1", revision: str | None = None, **status: Any) -> Object:
    """A pod that has a node and whose containers cannot be started yet."""
    state = waiting("PodInitializing")
    return pod(name, revision=revision, gateway=state, engine=state, **{"phase": "Pending", **status})


def mount_event(note: str, pod_name: str = "tiny-1", minute: int = 0, **more: Any) -> Object:
    """What the kubelet reports about a volume that it cannot mount."""
    return {
        "reason": "FailedMount",
        "note": note,
        "regarding": {"kind": "Pod", "uid": f"uid-{pod_name}"},
        "deprecatedLastTimestamp": f"2026-01-01T12:{minute:02}:00Z",
        **more,
    }


def ended(message: str = "", code: int = 1, **more: Any) -> Object:
    """An end of a container, as in `state.terminated` and `lastState.terminated`."""
    times = {"startedAt": "2026-01-01T11:58:00Z", "finishedAt": "2026-01-01T11:58:30Z"}
    return {"terminated": {"exitCode": code, "message": message, **times, **more}}


class PlannedNamespace:
    """A namespace with one model, in which plans are carried out and a Deployment controller keeps up."""

    def __init__(self, body: Object | None = None) -> None:
        self.body = body or model_body()
        self.children: dict[tuple[str, str], Object] = {}
        self.pods: list[Object] = []
        self.events: list[Object] = []
        self.reports: dict[str, PodReport] = {}
        self.settings = SETTINGS

    @property
    def model(self) -> Model:
        """The model as it is stored now."""
        return parse_model(self.body)

    def deployment(self) -> Object:
        """The live Deployment."""
        return self.children["Deployment", self.model.name]

    def observe(self) -> Observed:
        """What the operator sees."""
        return Observed(
            tuple(copy.deepcopy(list(self.children.values()))),
            tuple(copy.deepcopy(self.pods)),
            tuple(copy.deepcopy(self.events)),
            dict(self.reports),
        )

    def plan(self, now: datetime = NOW) -> Plan:
        """Plans without doing anything."""
        return plan(self.model, self.observe(), self.settings, now)

    def reconcile(self, now: datetime = NOW) -> Plan:
        """Plans, applies, deletes and reports once."""
        planned = self.plan(now)
        for child in planned.apply:
            key = child["kind"], child["metadata"]["name"]
            before = self.children.get(key, {"metadata": {"generation": 0}})
            live = copy.deepcopy(child)
            live["metadata"]["generation"] = before["metadata"]["generation"] + 1
            live["status"] = before.get("status", {})
            self.children[key] = live
        for child in planned.delete:
            del self.children[child["kind"], child["metadata"]["name"]]
        self.body["status"] = copy.deepcopy(planned.status)
        return planned

    def roll(
        self, pods: list[Object] | None = None, *, updated: int | None = None, **conditions: Object
    ) -> None:
        """Lets the Deployment controller see its object and these pods."""
        if pods is not None:
            self.pods = pods
        deployment = self.deployment()
        ready = sum(_is_ready(item) for item in self.pods)
        deployment["status"] = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": len(self.pods),
            "updatedReplicas": len(self.pods) if updated is None else updated,
            "readyReplicas": ready,
            "conditions": list(conditions.values()),
        }

    def serve(self, replicas: int = 1) -> Plan:
        """Brings the model to Ready and returns the plan that said so."""
        self.reconcile()
        revision = desired_revision(self.deployment())
        self.roll([pod(f"tiny-{number}", revision=revision, ready=True) for number in range(replicas)])
        return self.reconcile()

    def condition(self, kind: str) -> Object:
        """A reported condition."""
        found: Object = next(item for item in self.body["status"]["conditions"] if item["type"] == kind)
        return found


def _is_ready(body: Object) -> bool:
    return any(item["type"] == "Ready" and item["status"] == "True" for item in body["status"]["conditions"])
