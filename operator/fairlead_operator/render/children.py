"""All children of a model, in the order in which they are applied."""

from __future__ import annotations

from fairlead_operator.api.names import RENDERED_HASH
from fairlead_operator.render.deployment import render_deployment
from fairlead_operator.render.gateway import render_config_map
from fairlead_operator.render.hashing import digest
from fairlead_operator.render.model import Choices, Model, Object, RenderSettings
from fairlead_operator.render.protection import render_protection
from fairlead_operator.render.service import render_service, render_service_account

DEFAULT_CHOICES = Choices()


def child_names(model: Model, settings: RenderSettings) -> list[tuple[str, str]]:
    """(kind, name) of every child that the model should have."""
    return [(child["kind"], child["metadata"]["name"]) for child in render_children(model, settings)]


def render_children(
    model: Model, settings: RenderSettings, choices: Choices = DEFAULT_CHOICES
) -> list[Object]:
    """The desired children. The Deployment is last: its pods need the others."""
    children = [
        render_service_account(model),
        render_config_map(model),
        render_service(model),
        *render_protection(model, settings),
        render_deployment(model, settings, choices),
    ]
    for child in children:
        # Fields that a later rendering leaves out do not show in a comparison with the live object; the hash
        # does.
        annotations = child["metadata"].get("annotations", {})
        child["metadata"]["annotations"] = {**annotations, RENDERED_HASH: digest(child)}
    return children
