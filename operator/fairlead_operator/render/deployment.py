"""The Deployment of a model and its pods."""

from __future__ import annotations

import json

from fairlead_operator.api.names import POD_INPUTS, POD_TEMPLATE, RENDERING, REVISION, ROLLOUT
from fairlead_operator.render.arguments import SHUTDOWN_SECONDS
from fairlead_operator.render.engine import engine_container
from fairlead_operator.render.gateway import gateway_container, gateway_volumes
from fairlead_operator.render.hashing import digest
from fairlead_operator.render.inputs import pod_inputs
from fairlead_operator.render.model import Choices, Model, Object, RenderSettings
from fairlead_operator.render.security import pod_security
from fairlead_operator.render.source import parse_source

# On top of the drain and the engine's own shutdown: the hook's round trips and the kubelet's delays.
GRACE_MARGIN_SECONDS = 10


def render_deployment(model: Model, settings: RenderSettings, choices: Choices) -> Object:
    """The Deployment NAME."""
    template = choices.template or render_pod_template(model, settings)
    annotations = {
        POD_INPUTS: pod_inputs(model),
        POD_TEMPLATE: json.dumps(template, sort_keys=True, separators=(",", ":")),
        RENDERING: str(choices.rendering_version),
        **({ROLLOUT: choices.why} if choices.why else {}),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**model.metadata(model.name), "annotations": annotations},
        "spec": {
            "replicas": model.spec.replicas,
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": model.spec.rollout.progress_deadline_seconds,
            "selector": {"matchLabels": model.selector},
            "strategy": choices.strategy,
            "template": template,
        },
    }


def desired_revision(deployment: Object) -> str:
    """The revision that the pods of a rendered Deployment carry."""
    return revision_of(deployment["spec"]["template"])


def revision_of(template: Object) -> str:
    """The revision that a pod template gives its pods."""
    revision: str = template["metadata"]["annotations"][REVISION]
    return revision


def render_pod_template(model: Model, settings: RenderSettings) -> Object:
    """The pods' template by the current rules, with its own digest in an annotation."""
    return _stamped(_pod_template(model, settings))


def pinned_template(model: Model, deployment: Object) -> Object | None:
    """The pod template of a live Deployment, if what it was rendered from is what the model says now.

    It is read from the annotation, not from the Deployment's own template: that one has the API server's
    defaults, and may have been changed by others. An annotation that was tampered with does not count.
    """
    annotations = deployment.get("metadata", {}).get("annotations") or {}
    if annotations.get(POD_INPUTS) != pod_inputs(model):
        return None
    try:
        template: Object = json.loads(annotations[POD_TEMPLATE])
        intact = template == _stamped(template)
    except (KeyError, TypeError, ValueError):
        return None
    return template if intact else None


def rendering_version(deployment: Object) -> int:
    """The version of the rules by which a live Deployment's pod template was made; 0 if it does not say."""
    told = (deployment.get("metadata", {}).get("annotations") or {}).get(RENDERING, "")
    return int(told) if told.isdecimal() else 0


def _stamped(template: Object) -> Object:
    """The template with its own digest, which tells pods of this revision from others without a look at
    ReplicaSets.
    """
    metadata = template["metadata"]
    annotations = {key: value for key, value in metadata["annotations"].items() if key != REVISION}
    bare = {**template, "metadata": {**metadata, "annotations": annotations}}
    return {**bare, "metadata": {**metadata, "annotations": {**annotations, REVISION: digest(bare)}}}


def _pod_template(model: Model, settings: RenderSettings) -> Object:
    scheduling = model.spec.scheduling
    drain = model.spec.rollout.drain_timeout_seconds
    spec: Object = {
        "serviceAccountName": model.name,
        "automountServiceAccountToken": False,
        # Service links would set VLLM_PORT for a Service named vllm, which vLLM takes for its own setting.
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "terminationGracePeriodSeconds": drain + SHUTDOWN_SECONDS + GRACE_MARGIN_SECONDS,
        "initContainers": [gateway_container(model, settings)],
        "containers": [engine_container(model, settings)],
        "volumes": _volumes(model),
    }
    if scheduling.node_selector:
        spec["nodeSelector"] = dict(scheduling.node_selector)
    if scheduling.tolerations:
        spec["tolerations"] = [
            toleration.model_dump(by_alias=True, exclude_none=True) for toleration in scheduling.tolerations
        ]
    if scheduling.runtime_class_name:
        spec["runtimeClassName"] = scheduling.runtime_class_name
    return {"metadata": {"labels": model.labels, "annotations": {}}, "spec": spec}


def _volumes(model: Model) -> list[Object]:
    volumes: list[Object] = [
        {"name": "run", "emptyDir": {}},
        {"name": "home", "emptyDir": {}},
        # vLLM's processes exchange tensors through shared memory; the runtime's default of 64 MiB is too
        # small.
        {"name": "shm", "emptyDir": {"medium": "Memory"}},
        *gateway_volumes(model),
    ]
    if claim := parse_source(model.spec.model.source).claim:
        # Read-only as a volume too, so that fsGroup does not change the owner of the user's files.
        volumes.append({"name": "model", "persistentVolumeClaim": {"claimName": claim, "readOnly": True}})
    return volumes
