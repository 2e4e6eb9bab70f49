"""The pod templates of a model's workload, stamped with their revision, and how they are kept.

A Deployment has one template; a group over several nodes has two, of its leader and of its workers, which
belong together: a change of either is a new revision of both.
"""

from __future__ import annotations

import json

from fairlead_operator.api.names import (
    ENGINE_CONTAINER,
    POD_INPUTS,
    POD_TEMPLATE,
    RENDERING,
    REVISION,
    ROLLOUT,
)
from fairlead_operator.objects import annotations_of, named
from fairlead_operator.render.hashing import digest
from fairlead_operator.render.inherited import inherit
from fairlead_operator.render.model import Choices, Model, Object, RenderSettings
from fairlead_operator.render.pod import leader_template, pod_template
from fairlead_operator.render.pod_inputs_digest import pod_inputs
from fairlead_operator.render.worker import worker_template

# Any user who may edit the Deployment can write its annotations.
_VERSION_DIGITS = 9


def render_templates(model: Model, settings: RenderSettings) -> tuple[Object, ...]:
    """The pod templates by the current rules, with the digest of all of them in an annotation of each.

    Raises PodTemplateError if spec.podTemplate does not fit.
    """
    if model.spec.engine.nodes > 1:
        templates = [leader_template(model, settings), worker_template(model, settings)]
    else:
        templates = [pod_template(model, settings)]
    return _stamped(*(inherit(template, model, settings) for template in templates))


def template_annotations(model: Model, templates: tuple[Object, ...], choices: Choices) -> dict[str, str]:
    """The annotations of a workload: its rendered templates, their input and rules, and how it rolls."""
    kept = templates[0] if len(templates) == 1 else list(templates)
    return {
        POD_INPUTS: pod_inputs(model),
        POD_TEMPLATE: json.dumps(kept, sort_keys=True, separators=(",", ":")),
        RENDERING: str(choices.rendering_version),
        **({ROLLOUT: choices.why} if choices.why else {}),
    }


def pinned_templates(model: Model, workload: Object) -> tuple[Object, ...]:
    """The pod templates of a live workload, if they were rendered from the model's present inputs; () if not.

    They are read from the annotation, not from the workload's own templates: those have the API server's
    defaults, and may have been changed by others. A modified annotation does not count.
    """
    annotations = annotations_of(workload)
    if annotations.get(POD_INPUTS) != pod_inputs(model):
        return ()
    try:
        kept = json.loads(annotations[POD_TEMPLATE])
        templates = tuple(kept) if isinstance(kept, list) else (kept,)
        intact = len(templates) == min(model.spec.engine.nodes, 2) and templates == _stamped(*templates)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return ()
    return templates if intact else ()


def rendering_version(workload: Object) -> int:
    """The version of the rules by which a live workload's pod templates were made; 0 if unknown."""
    recorded = annotations_of(workload).get(RENDERING, "")
    return int(recorded) if recorded.isdecimal() and len(recorded) <= _VERSION_DIGITS else 0


def revision_of(template: Object) -> str:
    """The revision that a pod template gives its pods."""
    revision: str = template["metadata"]["annotations"][REVISION]
    return revision


def start_kind(model: Model, template: Object) -> str:
    """A digest of what decides how long pods take to start: the image, the weights, accelerator and nodes."""
    spec = template["spec"]
    engine = named(spec["containers"], ENGINE_CONTAINER)
    placement = {name: spec.get(name) for name in ("nodeSelector", "affinity", "resourceClaims")}
    names = {"served_name", "aliases", "credentials"}
    weights = model.spec.model.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=names)
    return digest([engine["image"], engine.get("resources"), placement, weights, model.spec.engine.nodes])


def _stamped(*templates: Object) -> tuple[Object, ...]:
    """The templates with the digest of all, which identifies pods of this revision without reading
    ReplicaSets.
    """
    bare = [_annotated(template, {}) for template in templates]
    revision = digest(bare[0] if len(bare) == 1 else bare)
    return tuple(_annotated(template, {REVISION: revision}) for template in bare)


def _annotated(template: Object, more: dict[str, str]) -> Object:
    annotations = {key: value for key, value in annotations_of(template).items() if key != REVISION}
    return {**template, "metadata": {**template["metadata"], "annotations": {**annotations, **more}}}
