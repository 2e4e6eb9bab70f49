"""The parts of a pod, and of an Event about it, that decisions use.

Any user who may create pods in a namespace may give them the label of a model there, annotations of 256 KiB
and specs of 1 MiB. So a pod counts only if the model's workload made it, and only the parts that are read are
kept, cut to size.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from fairlead_contract.bounds import WORD_CHARACTERS
from fairlead_contract.names import MODEL_LABEL
from fairlead_operator.api.names import (
    COMPONENT_LABEL,
    DELETION_COST,
    POD_TEMPLATE_HASH_LABEL,
    QUEUE_LABEL,
    REVISION,
)
from fairlead_operator.bounds import (
    POD_CONDITIONS,
    POD_CONTAINERS,
    POD_LABELS,
    POD_RESOURCES,
    POD_TOLERATIONS,
)
from fairlead_operator.objects import controller_of, labels_of, named
from fairlead_operator.plan.scheduling.placement import Amounts, as_quantity, devices_of, requests_of
from fairlead_operator.plan.text import clean
from fairlead_operator.render.leaderworkerset import group_name_of

Object = dict[str, Any]

_METADATA = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp")
_LABELS = (MODEL_LABEL, COMPONENT_LABEL, QUEUE_LABEL)
_ANNOTATIONS = (REVISION, DELETION_COST)
_STATUS = ("phase", "reason", "message", "podIP")
_CONDITION = ("type", "status", "reason", "message", "lastTransitionTime")
_CONTAINER = ("name", "image", "ready", "started", "restartCount")
_STATES = {
    "waiting": ("reason", "message"),
    "running": ("startedAt",),
    "terminated": ("exitCode", "reason", "message", "startedAt", "finishedAt"),
}
_TOLERATION = ("key", "operator", "value", "effect")
_EVENT = ("reason", "note", "type", "eventTime", "deprecatedLastTimestamp")
_REGARDING = ("kind", "name", "uid")


def view_own_pod(pod: Object, model: str) -> Object | None:
    """The pod as it counts, None if it is not one of the pods of the model's workload."""
    if not _is_own(pod, model):
        return None
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _view_metadata(pod["metadata"]),
        "spec": {
            **_pick(spec, ("nodeName",)),
            **_pick_list(spec, "schedulingGates", ("name",)),
            **_pick_list(spec, "resourceClaims", ("name", "resourceClaimTemplateName")),
            **_view_placement(spec),
        },
        "status": {
            **_pick(status, _STATUS),
            **_pick_list(status, "conditions", _CONDITION, POD_CONDITIONS),
            **{
                kind: [_view_container(item) for item in status[kind][:POD_CONTAINERS]]
                for kind in ("initContainerStatuses", "containerStatuses")
                if status.get(kind)
            },
        },
    }


def view_event(event: Object) -> Object:
    """An Event as it counts."""
    seen: Object = {**_pick(event, _EVENT), "regarding": _pick(event.get("regarding") or {}, _REGARDING)}
    if series := event.get("series"):
        seen["series"] = _pick(series, ("lastObservedTime",))
    return seen


def _is_own(pod: Object, model: str) -> bool:
    """Whether a controller of the model's workload made the pod. The names of both controllers follow from
    the model's. A forged owner only adds a pod to a model of the same namespace.
    """
    owner, group = controller_of(pod), group_name_of(model)
    name = str(owner.get("name", ""))
    if owner.get("kind") == "ReplicaSet":
        # NAME-HASH, with the hash that the Deployment's controller gives the pods too.
        template = labels_of(pod).get(POD_TEMPLATE_HASH_LABEL)
        return bool(template) and name == f"{model}-{template}"
    # The leaders of all groups are of one StatefulSet, the workers of each group of one more.
    return owner.get("kind") == "StatefulSet" and (name == group or name.startswith(f"{group}-"))


def _view_metadata(metadata: Object) -> Object:
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    return {
        **_pick(metadata, _METADATA),
        "labels": _pick(labels, _LABELS, WORD_CHARACTERS),
        "annotations": _pick(annotations, _ANNOTATIONS, WORD_CHARACTERS),
        "ownerReferences": [
            _pick(owner, ("kind", "name", "uid", "controller"))
            for owner in metadata.get("ownerReferences") or []
            if owner.get("controller")
        ][:1],
    }


def memory_limit(pod: Object, container: str) -> str:
    """The memory limit of a container of the pod as a quantity, "" if it has none."""
    spec = pod.get("spec") or {}
    found = named([*(spec.get("containers") or []), *(spec.get("initContainers") or [])], container)
    return str(((found.get("resources") or {}).get("limits") or {}).get("memory") or "")


def _view_placement(spec: Object) -> Object:
    """The memory limits of the containers, and the devices of all of them (`spec.devices`, by resource). For
    a pod without a node also its requirements: its requests as those of the whole pod (`spec.resources`), its
    tolerations and its node selector.
    """
    seen: Object = {
        kind: [_view_limit(item) for item in spec[kind][:POD_CONTAINERS]]
        for kind in ("containers", "initContainers")
        if spec.get(kind)
    }
    if devices := devices_of({"spec": spec}):
        seen["devices"] = _amounts(devices)
    if spec.get("nodeName"):
        return seen
    if requests := requests_of({"spec": spec}):
        seen["resources"] = {"requests": _amounts(requests)}
    seen |= _pick_list(spec, "tolerations", _TOLERATION, POD_TOLERATIONS)
    if labels := spec.get("nodeSelector"):
        seen["nodeSelector"] = _pick(labels, tuple(labels)[:POD_LABELS], WORD_CHARACTERS)
    return seen


def _amounts(amounts: Amounts) -> Object:
    kinds = islice(sorted(amounts.items()), POD_RESOURCES)
    return {clean(name): as_quantity(amount) for name, amount in kinds}


def _view_limit(container: Object) -> Object:
    limits = (container.get("resources") or {}).get("limits") or {}
    seen = _pick(container, ("name",), WORD_CHARACTERS)
    if memory := _pick(limits, ("memory",), WORD_CHARACTERS):
        seen["resources"] = {"limits": memory}
    return seen


def _view_container(status: Object) -> Object:
    states = {
        kind: {name: _pick(state, _STATES[name]) for name, state in status[kind].items() if name in _STATES}
        for kind in ("state", "lastState")
        if status.get(kind)
    }
    return {**_pick(status, _CONTAINER), **states}


def _pick(source: Object, names: tuple[str, ...], *most: int) -> Object:
    """These fields, as far as they are there; texts are cleaned and cut."""
    found = {name: source[name] for name in names if source.get(name) is not None}
    return {name: clean(item, *most) if isinstance(item, str) else item for name, item in found.items()}


def _pick_list(source: Object, kind: str, names: tuple[str, ...], most: int = POD_CONTAINERS) -> Object:
    """These fields of each item of a list; nothing without the list."""
    items = source.get(kind)
    return {kind: [_pick(item, names) for item in items[:most]]} if items else {}
