"""The pods of a model: what all their containers share, and where they may run."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead_operator.api.names import POD_TEMPLATE_HASH_LABEL, RESTARTED_AT
from fairlead_operator.render.accelerators import pod_claims
from fairlead_operator.render.arguments import SHUTDOWN_SECONDS
from fairlead_operator.render.engine import engine_container, engine_volumes
from fairlead_operator.render.gateway import gateway_container, gateway_volumes
from fairlead_operator.render.model import Model, Object, RenderSettings
from fairlead_operator.render.podtemplate import apply_pod_template, patch_for
from fairlead_operator.render.scheduling import queue_labels, scheduling
from fairlead_operator.render.security import pod_security
from fairlead_operator.render.weights import weights_containers

# On top of the drain and the engine's own shutdown: the hook's round trips and the kubelet's delays.
GRACE_MARGIN_SECONDS = 10
# The label by which LeaderWorkerSet distinguishes pods of different revisions.
GROUP_REVISION_LABEL = "leaderworkerset.sigs.k8s.io/template-revision-hash"
# What LeaderWorkerSet sets equal in all pods of one group.
GROUP_LABEL = "leaderworkerset.sigs.k8s.io/group-key"
_WORKERS_ALONE = frozenset({"launcher"})


@dataclass(frozen=True)
class Containers:
    """The contents of a pod: containers before, and beside, the engine's; and the volumes of all."""

    init: list[Object]
    main: list[Object]
    volumes: list[Object]


def pod_template(model: Model, settings: RenderSettings) -> Object:
    """The template of a Deployment's pods. Raises PodTemplateError if spec.podTemplate does not fit."""
    metadata = {"labels": {**model.labels, **queue_labels(model)}, "annotations": pod_annotations(model)}
    where = scheduling(model, POD_TEMPLATE_HASH_LABEL, model.selector)
    template = {"metadata": metadata, "spec": pod_spec(model, settings, _serving(model, settings), where)}
    return apply_pod_template(template, model.spec.pod_template)


def leader_template(model: Model, settings: RenderSettings) -> Object:
    """The template of a group's leaders, which serve. Raises PodTemplateError as above."""
    where = group_scheduling(model, model.selector)
    spec = pod_spec(model, settings, _serving(model, settings), where)
    metadata = {"labels": dict(model.labels), "annotations": pod_annotations(model)}
    template = {"metadata": metadata, "spec": spec}
    return apply_pod_template(template, patch_for(template, model.spec.pod_template, _WORKERS_ALONE))


def pod_annotations(model: Model) -> dict[str, str]:
    """The annotations of every pod: the time of the last restart, so that a restart is a new revision also
    where nothing else has changed.
    """
    return {RESTARTED_AT: model.restarted_at} if model.restarted_at else {}


def group_scheduling(model: Model, selector: dict[str, str]) -> Object:
    """Where a pod of a group may run: on another node than the others of its group, unless the user has rules
    about other pods.
    """
    where = scheduling(model, GROUP_REVISION_LABEL, selector)
    apart = {
        "labelSelector": {"matchLabels": model.selector_of_all},
        "matchLabelKeys": [GROUP_LABEL],
        "topologyKey": "kubernetes.io/hostname",
    }
    ours = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}}
    return {**where, "affinity": {**ours, **where.get("affinity", {})}}


def pod_spec(model: Model, settings: RenderSettings, containers: Containers, where: Object) -> Object:
    """A pod's specification from what it runs and where it may run."""
    drain = model.spec.rollout.drain_timeout_seconds
    spec: Object = {
        "serviceAccountName": model.name,
        "automountServiceAccountToken": False,
        # Service links would set VLLM_PORT for a Service named vllm, which vLLM takes for its own setting.
        "enableServiceLinks": False,
        "securityContext": pod_security(settings.pod_user),
        "terminationGracePeriodSeconds": drain + SHUTDOWN_SECONDS + GRACE_MARGIN_SECONDS,
        "initContainers": containers.init,
        "containers": containers.main,
        "volumes": containers.volumes,
        **where,
    }
    if settings.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in settings.pull_secrets]
    if claims := pod_claims(model):
        spec["resourceClaims"] = claims
    return spec


def _serving(model: Model, settings: RenderSettings) -> Containers:
    return Containers(
        init=[gateway_container(model, settings), *weights_containers(model, settings)],
        main=[engine_container(model, settings)],
        volumes=[*engine_volumes(model), *gateway_volumes(model)],
    )
