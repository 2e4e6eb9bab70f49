"""Renders all objects of a model."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead_operator.api.names import RENDERED_HASH
from fairlead_operator.objects import annotations_of
from fairlead_operator.render.accelerators import render_claim_template
from fairlead_operator.render.deployment import render_deployment
from fairlead_operator.render.disruption_budget import render_disruption_budget
from fairlead_operator.render.gateway import render_config_map
from fairlead_operator.render.hashing import digest
from fairlead_operator.render.inherited import inherit
from fairlead_operator.render.leaderworkerset import render_leader_worker_set
from fairlead_operator.render.model import Choices, Model, Object, RenderSettings
from fairlead_operator.render.network_policy import render_network_policy
from fairlead_operator.render.podtemplate import PodTemplateError
from fairlead_operator.render.service import render_service_account, render_services
from fairlead_operator.render.templates import render_templates, revision_of
from fairlead_operator.render.weights import render_claim

DEFAULT_CHOICES = Choices()


@dataclass(frozen=True)
class FittedModel:
    """A model as it can be rendered: without spec.podTemplate if that does not fit, which `problems` then
    says. `templates` are its pod templates by the current rules.
    """

    model: Model
    templates: tuple[Object, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class RenderedModel:
    """The desired objects of a model. `workload` is its Deployment or LeaderWorkerSet, `templates` are the
    workload's pod templates, the leader's first. `dependencies` are the other children, which the pods need.
    """

    dependencies: tuple[Object, ...]
    workload: Object
    templates: tuple[Object, ...]

    @property
    def children(self) -> tuple[Object, ...]:
        """All children in the order in which they are applied."""
        return (*self.dependencies, self.workload)

    @property
    def revision(self) -> str:
        """The revision that the workload gives its pods."""
        return revision_of(self.templates[0])


def fit_model(model: Model, settings: RenderSettings) -> FittedModel:
    """Renders the pod templates, and leaves out what of the spec cannot be rendered."""
    try:
        return FittedModel(model, render_templates(model, settings))
    except PodTemplateError as error:
        plain = model.without_pod_template()
        return FittedModel(plain, render_templates(plain, settings), (str(error),))


def child_names(model: Model, settings: RenderSettings) -> list[tuple[str, str]]:
    """(kind, name) of every child that the model should have."""
    fitted = fit_model(model, settings)
    rendered = render_children(fitted.model, settings, Choices(fitted.templates))
    return [(child["kind"], child["metadata"]["name"]) for child in rendered.children]


def render_children(
    model: Model, settings: RenderSettings, choices: Choices = DEFAULT_CHOICES
) -> RenderedModel:
    """The desired objects. Raises PodTemplateError if the pod templates are to be rendered and
    spec.podTemplate does not fit.
    """
    templates = choices.templates or render_templates(model, settings)
    dependencies = [
        render_claim(model),
        render_service_account(model),
        render_config_map(model, settings),
        *render_services(model, settings),
        render_disruption_budget(model),
        render_network_policy(model, settings),
        render_claim_template(model),
    ]
    return RenderedModel(
        tuple(_complete(child, model, settings) for child in dependencies if child),
        _complete(_render_workload(model, templates, choices), model, settings),
        templates,
    )


def _complete(child: Object, model: Model, settings: RenderSettings) -> Object:
    """The child with inherited metadata and the digest of what was rendered.

    A comparison with the live object does not find fields that a later rendering leaves out; the digest does.
    """
    child = inherit(child, model, settings)
    child["metadata"]["annotations"] = {**annotations_of(child), RENDERED_HASH: digest(child)}
    return child


def _render_workload(model: Model, templates: tuple[Object, ...], choices: Choices) -> Object:
    if model.spec.engine.nodes > 1:
        return render_leader_worker_set(model, templates, choices)
    return render_deployment(model, templates, choices)
