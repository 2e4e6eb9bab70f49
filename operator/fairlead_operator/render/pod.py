"""The pods of a model: what all their containers share, and where they may run."""

from __future__ import annotations

from fairlead_operator.render.arguments import SHUTDOWN_SECONDS
from fairlead_operator.render.claims import pod_claims
from fairlead_operator.render.engine import engine_container, engine_volumes
from fairlead_operator.render.gateway import gateway_container, gateway_volumes
from fairlead_operator.render.model import Model, Object, RenderSettings
from fairlead_operator.render.podtemplate import apply_pod_template
from fairlead_operator.render.scheduling import queue_labels, scheduling
from fairlead_operator.render.security import pod_security
from fairlead_operator.render.weights import weights_containers

# On top of the drain and the engine's own shutdown: the hook's round trips and the kubelet's delays.
GRACE_MARGIN_SECONDS = 10
# By it pods of one ReplicaSet are told from those of another.
DEPLOYMENT_REVISION_LABEL = "pod-template-hash"


def pod_template(model: Model, settings: RenderSettings) -> Object:
    """The template of a Deployment's pods. Raises PodTemplateError if spec.podTemplate does not fit."""
    template = {
        "metadata": {"labels": {**model.labels, **queue_labels(model)}, "annotations": {}},
        "spec": _pod_spec(model, settings),
    }
    return apply_pod_template(template, model.spec.pod_template)


def _pod_spec(model: Model, settings: RenderSettings) -> Object:
    drain = model.spec.rollout.drain_timeout_seconds
    spec: Object = {
        "serviceAccountName": model.name,
        "automountServiceAccountToken": False,
        # Service links would set VLLM_PORT for a Service named vllm, which vLLM takes for its own setting.
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "terminationGracePeriodSeconds": drain + SHUTDOWN_SECONDS + GRACE_MARGIN_SECONDS,
        "initContainers": [gateway_container(model, settings), *weights_containers(model, settings)],
        "containers": [engine_container(model, settings)],
        "volumes": [*engine_volumes(model), *gateway_volumes(model)],
        **scheduling(model, DEPLOYMENT_REVISION_LABEL, model.selector),
    }
    if claims := pod_claims(model):
        spec["resourceClaims"] = claims
    return spec
