"""The Deployment of a model and its pods."""

from __future__ import annotations

import json

from fairlead_operator.api.names import POD_INPUTS, POD_TEMPLATE, RENDERING, REVISION, ROLLOUT
from fairlead_operator.render.hashing import digest
from fairlead_operator.render.inputs import pod_inputs
from fairlead_operator.render.model import Choices, Model, Object, RenderSettings
from fairlead_operator.render.pod import pod_template
from fairlead_operator.render.scheduling import queue_labels


def render_deployment(model: Model, settings: RenderSettings, choices: Choices) -> Object:
    """The Deployment NAME."""
    template = choices.template or render_pod_template(model, settings)
    annotations = {
        POD_INPUTS: pod_inputs(model),
        POD_TEMPLATE: json.dumps(template, sort_keys=True, separators=(",", ":")),
        RENDERING: str(choices.rendering_version),
        **({ROLLOUT: choices.why} if choices.why else {}),
    }
    metadata = model.metadata(model.name)
    labels = {**metadata["labels"], **queue_labels(model)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**metadata, "labels": labels, "annotations": annotations},
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
    """The pods' template by the current rules, with its own digest in an annotation.

    Raises PodTemplateError if spec.podTemplate does not fit.
    """
    return _stamped(pod_template(model, settings))


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
