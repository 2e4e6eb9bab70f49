"""The Deployment of a model and its pods."""

from __future__ import annotations

from fairlead_operator.api.names import REVISION
from fairlead_operator.render.arguments import SHUTDOWN_SECONDS
from fairlead_operator.render.engine import engine_container
from fairlead_operator.render.gateway import gateway_container, gateway_volumes
from fairlead_operator.render.hashing import digest
from fairlead_operator.render.model import Model, Object, RenderSettings
from fairlead_operator.render.security import pod_security
from fairlead_operator.render.source import parse_source

# On top of the drain and the engine's own shutdown: the hook's round trips and the kubelet's delays.
GRACE_MARGIN_SECONDS = 10


def render_deployment(model: Model, settings: RenderSettings) -> Object:
    """The Deployment NAME."""
    template = _pod_template(model, settings)
    # Tells the planner which pods are of this rendering, without a look at ReplicaSets.
    template["metadata"]["annotations"][REVISION] = digest(template)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": model.metadata(model.name),
        "spec": {
            "replicas": model.spec.replicas,
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": model.spec.rollout.progress_deadline_seconds,
            "selector": {"matchLabels": model.selector},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": _rolling_update(model)},
            "template": template,
        },
    }


def desired_revision(deployment: Object) -> str:
    """The revision that the pods of a rendered Deployment carry."""
    revision: str = deployment["spec"]["template"]["metadata"]["annotations"][REVISION]
    return revision


def _rolling_update(model: Model) -> Object:
    """With accelerators the old pod makes room first: a rollout that waits for a spare one may wait for
    ever.
    """
    if model.spec.accelerator:
        return {"maxSurge": 0, "maxUnavailable": 1}
    return {"maxSurge": 1, "maxUnavailable": 0}


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
