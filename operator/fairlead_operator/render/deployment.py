"""The Deployment of a model: its workload, unless a replica is spread over nodes."""

from __future__ import annotations

from fairlead_operator.render.model import Choices, Model, Object
from fairlead_operator.render.scheduling import queue_labels
from fairlead_operator.render.templates import template_annotations


def render_deployment(model: Model, templates: tuple[Object, ...], choices: Choices) -> Object:
    """The Deployment NAME."""
    (template,) = templates
    metadata = model.metadata(model.name)
    labels = {**metadata["labels"], **queue_labels(model)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            **metadata,
            "labels": labels,
            "annotations": template_annotations(model, templates, choices),
        },
        "spec": {
            "replicas": model.spec.replicas,
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": model.spec.rollout.progress_deadline_seconds,
            "selector": {"matchLabels": model.selector},
            "strategy": choices.strategy,
            "template": template,
        },
    }
