"""All children of a model, in the order in which they are applied."""

from __future__ import annotations

from fairlead_operator.api.names import RENDERED_HASH
from fairlead_operator.render.accelerators import render_claim_template
from fairlead_operator.render.deployment import render_deployment
from fairlead_operator.render.gateway import render_config_map
from fairlead_operator.render.hashing import digest
from fairlead_operator.render.inherited import inherit
from fairlead_operator.render.leaderworkerset import render_leader_worker_set
from fairlead_operator.render.model import Choices, Model, Object, RenderSettings
from fairlead_operator.render.podtemplate import PodTemplateError
from fairlead_operator.render.protection import render_protection
from fairlead_operator.render.service import render_service_account, render_services
from fairlead_operator.render.templates import render_templates
from fairlead_operator.render.weights import render_claim

DEFAULT_CHOICES = Choices()


def fitting(model: Model, settings: RenderSettings) -> tuple[Model, list[str]]:
    """The model as it can be rendered, and what of its spec is left out because it cannot."""
    try:
        render_templates(model, settings)
    except PodTemplateError as error:
        return model.without_pod_template(), [str(error)]
    return model, []


def child_names(model: Model, settings: RenderSettings) -> list[tuple[str, str]]:
    """(kind, name) of every child that the model should have."""
    model, _ = fitting(model, settings)
    return [(child["kind"], child["metadata"]["name"]) for child in render_children(model, settings)]


def render_children(
    model: Model, settings: RenderSettings, choices: Choices = DEFAULT_CHOICES
) -> list[Object]:
    """The desired children. The workload is last: its pods need the others."""
    devices = render_claim_template(model)
    claim = render_claim(model)
    rendered = [
        *([claim] if claim else []),
        render_service_account(model),
        render_config_map(model),
        *render_services(model, settings),
        *render_protection(model, settings),
        *([devices] if devices else []),
        _render_workload(model, settings, choices),
    ]
    children = [inherit(child, model, settings) for child in rendered]
    for child in children:
        # Fields that a later rendering leaves out do not show in a comparison with the live object; the hash
        # does.
        annotations = child["metadata"].get("annotations", {})
        child["metadata"]["annotations"] = {**annotations, RENDERED_HASH: digest(child)}
    return children


def _render_workload(model: Model, settings: RenderSettings, choices: Choices) -> Object:
    templates = choices.templates or render_templates(model, settings)
    if model.spec.engine.nodes > 1:
        return render_leader_worker_set(model, templates, choices)
    return render_deployment(model, templates, choices)
