"""spec.podTemplate: the user's patch of the pod template, merged in last.

Almost everything may be changed, except what the operator relies on: what identifies the pods, what starts
the gateway before the engine and makes it reachable, and the folder that both share. The API server refuses
other errors with a message that names the field.
"""

from __future__ import annotations

from typing import Any

from fairlead_contract.names import GROUP
from fairlead_contract.paths import RUN_PATH
from fairlead_operator.api.env import REFUSED_VARIABLES
from fairlead_operator.api.names import ENGINE_CONTAINER
from fairlead_operator.render.paths import LAUNCHER_PATH
from fairlead_operator.render.quantity import store_quantities
from fairlead_operator.render.strategic_merge import MergeError, merge_template

Object = dict[str, Any]

FIELD = "spec.podTemplate"
_CONTAINERS = ("initContainers", "containers")
# The engine would refuse the gateway's requests.
_API_KEY = "--api-key"
_MEETING_PLACES = (RUN_PATH, LAUNCHER_PATH)


class PodTemplateError(ValueError):
    """spec.podTemplate cannot be merged, or changes what must stay; the message names the field."""


def apply_pod_template(template: Object, patch: Object) -> Object:
    """The pod template with the user's patch merged into it. Raises PodTemplateError."""
    if not patch:
        return template
    if unknown := sorted(patch.keys() - {"metadata", "spec"}):
        raise PodTemplateError(f"{FIELD}.{unknown[0]} is no field of a pod template; use metadata or spec")
    try:
        merged = merge_template(template, patch, FIELD)
    except MergeError as error:
        raise PodTemplateError(str(error)) from error
    _check_metadata(template["metadata"], merged.get("metadata"))
    _check_spec(template["spec"], merged.get("spec"))
    _store_quantities(merged["spec"])
    return merged


def patch_for(template: Object, patch: Object, others: frozenset[str]) -> Object:
    """The patch without the containers of the model that only other templates have."""
    spec = _object(patch.get("spec"))
    absent = others - {item["name"] for kind in _CONTAINERS for item in template["spec"].get(kind, [])}
    kept = {
        kind: [
            item for item in spec[kind] if not isinstance(item, dict) or str(item.get("name")) not in absent
        ]
        for kind in _CONTAINERS
        if isinstance(spec.get(kind), list)
    }
    return {**patch, "spec": {**spec, **kept}} if kept else patch


def _check_metadata(ours: Object, merged: Any) -> None:
    _require(isinstance(merged, dict), "metadata", "must be an object")
    if unknown := sorted(merged.keys() - {"labels", "annotations"}):
        _require(False, f"metadata.{unknown[0]}", "must not be set; use labels or annotations")
    for kind in ("labels", "annotations"):
        before, values = ours.get(kind, {}), merged.get(kind, {})
        _require(isinstance(values, dict), f"metadata.{kind}", "must be an object")
        reserved = [key for key in values if key.startswith(f"{GROUP}/")]
        for key in sorted({*before, *reserved}):
            same = values.get(key) == before.get(key)
            _require(same, f"metadata.{kind}[{key}]", "must not be changed: it is the operator's")


def _check_spec(ours: Object, merged: Any) -> None:
    _require(isinstance(merged, dict), "spec", "must be an object")
    restart = merged.get("restartPolicy", "Always")
    _require(restart == "Always", "spec.restartPolicy", "must be Always: a model serves until it is stopped")
    for kind in _CONTAINERS:
        there = {item.get("name"): item for item in _items(merged.get(kind))}
        for container in ours.get(kind, []):
            path = f"spec.{kind}[{container['name']}]"
            found = there.get(container["name"], {})
            _require(bool(found), path, "must not be removed: the model needs it")
            _check_container(container, found, path)
    names = {item.get("name") for item in _items(merged.get("volumes"))}
    for volume in ours["volumes"]:
        name = volume["name"]
        _require(name in names, f"spec.volumes[{name}]", "must not be removed; change what it is instead")


def _check_container(ours: Object, merged: Object, path: str) -> None:
    for key in ("restartPolicy", "ports"):
        same = merged.get(key) == ours.get(key)
        _require(same, f"{path}.{key}", "must not be changed: the model is served by it")
    there = {item.get("name"): item for item in _items(merged.get("env"))}
    for variable in ours.get("env", []):
        name = variable["name"]
        same = not name.startswith("FAIRLEAD_") or there.get(name) == variable
        _require(same, f"{path}.env[{name}]", "must not be changed: it is the operator's")
    if ours["name"] == ENGINE_CONTAINER:
        _check_engine(merged, path)
    mounts = _items(merged.get("volumeMounts"))
    for mount in ours.get("volumeMounts", []):
        place = mount["mountPath"]
        same = place not in _MEETING_PLACES or mount in mounts
        _require(same, f"{path}.volumeMounts[{place}]", "must not be changed: gateway and engine share it")


def _check_engine(merged: Object, path: str) -> None:
    """Refuses variables that separate the engine from the gateway. The launcher checks those of `envFrom`."""
    for variable in _items(merged.get("env")):
        for refused in REFUSED_VARIABLES:
            fine = variable.get("name") != refused.name or refused.allows(variable.get("value"))
            _require(fine, f"{path}.env[{refused.name}]", f"must not be set: {refused.problem}")
    arguments = merged.get("args")
    flags = [str(word).partition("=")[0] for word in arguments] if isinstance(arguments, list) else []
    keyed = any(flag.replace("_", "-") == _API_KEY for flag in flags)
    _require(not keyed, f"{path}.args", f"must not have {_API_KEY}: the engine would refuse the gateway")


def _require(fine: bool, field: str, problem: str) -> None:
    if not fine:
        raise PodTemplateError(f"{FIELD}.{field} {problem}")


def _store_quantities(spec: Object) -> None:
    """Rewrites quantities as the API server stores them, so that the live template does not seem changed."""
    containers = [item for kind in (*_CONTAINERS, "ephemeralContainers") for item in _items(spec.get(kind))]
    volumes = _items(spec.get("volumes"))
    claims = [_object(_object(item.get("ephemeral")).get("volumeClaimTemplate")) for item in volumes]
    for holder in (spec, *containers, *(_object(claim.get("spec")) for claim in claims)):
        resources = _object(holder.get("resources"))
        store_quantities(_object(resources.get("requests")))
        store_quantities(_object(resources.get("limits")))
    for variable in (variable for item in containers for variable in _items(item.get("env"))):
        store_quantities(_object(_object(variable.get("valueFrom")).get("resourceFieldRef")), "divisor")
    for volume in volumes:
        store_quantities(_object(volume.get("emptyDir")), "sizeLimit")
    store_quantities(_object(spec.get("overhead")))


def _object(value: Any) -> Object:
    """The value if it is an object: what users write may be anything."""
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[Object]:
    """The objects in a value that should be a list of them."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
