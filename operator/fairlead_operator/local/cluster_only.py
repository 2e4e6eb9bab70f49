"""Fields of a model that mean something on a cluster only. Pure.

Each is named in a line, so that nothing is dropped silently. What cannot be left out without serving
something else is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fairlead_operator.api.names import ENGINE_CONTAINER, GATEWAY_CONTAINER, WEIGHTS_CONTAINER
from fairlead_operator.render.model import Model
from fairlead_operator.render.source import scheme

Object = dict[str, Any]

GPU_RESOURCE = "nvidia.com/gpu"
_GPU_CLASS = "gpu.nvidia.com"
_CONTAINERS = frozenset({ENGINE_CONTAINER, WEIGHTS_CONTAINER, GATEWAY_CONTAINER})
# What of a container in spec.podTemplate has its effect here too.
_CONTAINER_FIELDS = frozenset(
    {"name", "args", "command", "env", "envFrom", "volumeMounts", "lifecycle"}
    | {"startupProbe", "readinessProbe", "livenessProbe"}
)
_POD_FIELDS = frozenset({"initContainers", "containers", "volumes", "terminationGracePeriodSeconds"})


def obstacles(model: Model) -> Iterator[tuple[str, str]]:
    """(field, text) of what this machine cannot do for the model."""
    spec = model.spec
    sources = [("spec.model.source", spec.model.source)]
    sources += [("spec.model.adapters", adapter.source) for adapter in spec.model.adapters]
    for field, source in sources:
        if scheme(source) == "oci":
            yield field, f"{source} is mounted by a cluster only; use hf://, s3://, pvc:// or file://"
    if spec.engine.nodes > 1:
        yield "spec.engine.nodes", "this is one machine; set 1, or run the model on a cluster"
    accelerator = spec.accelerator
    if accelerator and accelerator.resource_name not in (None, GPU_RESOURCE):
        text = f"{accelerator.resource_name} is not supported here, only {GPU_RESOURCE}; remove "
        yield "spec.accelerator.resourceName", text + "spec.accelerator to run on the CPU"
    if accelerator and accelerator.device_class_name not in (None, _GPU_CLASS):
        text = f"{accelerator.device_class_name} is not supported here, only {_GPU_CLASS}; remove "
        yield "spec.accelerator.deviceClassName", text + "spec.accelerator to run on the CPU"


def warnings(model: Model) -> Iterator[tuple[str, str]]:
    """(field, text) of what is left out here."""
    yield from _scale(model)
    yield from _placement(model)
    yield from _engine(model)
    yield from _pod_template(model.spec.pod_template)


def _scale(model: Model) -> Iterator[tuple[str, str]]:
    spec = model.spec
    rules = spec.autoscaling
    if rules is None and spec.replicas > 1:
        yield "spec.replicas", f"one replica runs here, not {spec.replicas}"
    if rules is not None:
        if rules.max_replicas > 1:
            yield "spec.autoscaling.maxReplicas", f"at most one replica runs here, not {rules.max_replicas}"
        if rules.min_replicas > 1:
            yield "spec.autoscaling.minReplicas", f"one replica runs here, not {rules.min_replicas}"
        if rules.mode == "External":
            yield "spec.autoscaling.mode", "no other program scales here; it is scaled as with mode Native"
    defaults = type(spec.rollout)()
    for name, field in (("strategy", "strategy"), ("surge_patience_seconds", "surgePatienceSeconds")):
        if getattr(spec.rollout, name) != getattr(defaults, name):
            yield (
                f"spec.rollout.{field}",
                "there are no rollouts here; start `fairlead run` again for a change",
            )


def _placement(model: Model) -> Iterator[tuple[str, str]]:
    spec = model.spec
    given = spec.scheduling.model_dump(by_alias=True, exclude_defaults=True)
    for field in given:
        yield f"spec.scheduling.{field}", "there is no scheduler here"
    for kind in ("limits", "requests"):
        if names := sorted(getattr(spec.resources, kind)):
            what = "not enforced" if kind == "limits" else "not reserved"
            but = "; memory is compared with what is free" if kind == "requests" and "memory" in names else ""
            yield f"spec.resources.{kind}", f"{what} here: {', '.join(names)}{but}"
    if spec.accelerator and spec.accelerator.selectors:
        yield "spec.accelerator.selectors", "any GPU of this machine is taken"


def _engine(model: Model) -> Iterator[tuple[str, str]]:
    spec = model.spec
    if spec.engine.image:
        yield "spec.engine.image", "no image is used here: the engine comes from a virtual environment"
    if spec.model.cache.type == "Ephemeral" and any(
        scheme(source) in ("hf", "s3")
        for source in (spec.model.source, *(adapter.source for adapter in spec.model.adapters))
    ):
        yield "spec.model.cache", "the weights are kept for the next run, although its type is Ephemeral"
    if spec.inherited_metadata != type(spec.inherited_metadata)():
        yield "spec.inheritedMetadata", "there are no objects here that could carry it"


def _pod_template(patch: Object) -> Iterator[tuple[str, str]]:
    if "metadata" in patch:
        yield "spec.podTemplate.metadata", "there is no pod object here that could carry it"
    spec = patch.get("spec") or {}
    for field in sorted(spec.keys() - _POD_FIELDS):
        yield f"spec.podTemplate.spec.{field}", "it has no effect here"
    for kind in ("initContainers", "containers"):
        for container in spec.get(kind) or ():
            where = f"spec.podTemplate.spec.{kind}[{container.get('name')}]"
            if container.get("name") not in _CONTAINERS:
                yield where, "a container with an image of its own does not run here"
                continue
            for field in sorted(container.keys() - _CONTAINER_FIELDS):
                yield f"{where}.{field}", "it has no effect here"
