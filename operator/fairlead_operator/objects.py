"""Look-ups in Kubernetes objects as they are read: conditions, named items, labels, annotations, owners.

Each takes an object, or a part of one, as the API server returns it. What is not there is {} or "", never an
error.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

from fairlead_operator.api.names import REVISION

Object = dict[str, Any]


def condition(status: Object, kind: str) -> Object:
    """The condition of this type in a status, {} if there is none."""
    found = (item for item in status.get("conditions") or [] if item.get("type") == kind)
    return next(found, {})


def other_conditions(status: Object, kinds: Container[str]) -> list[Object]:
    """The conditions of a status that have none of these types."""
    return [item for item in status.get("conditions") or [] if item.get("type") not in kinds]


def condition_of(body: Object, kind: str) -> Object:
    """The condition of this type of an object, {} if there is none."""
    return condition(body.get("status") or {}, kind)


def is_true(body: Object, kind: str) -> bool:
    """Whether the condition of this type is True."""
    return bool(condition_of(body, kind).get("status") == "True")


def named(items: Iterable[Object], name: str) -> Object:
    """The first item with this name, such as a container or its status; {} if there is none."""
    return next((item for item in items if item.get("name") == name), {})


def labels_of(body: Object) -> dict[str, str]:
    """The labels of an object or a pod template."""
    return body.get("metadata", {}).get("labels") or {}


def annotations_of(body: Object) -> dict[str, str]:
    """The annotations of an object or a pod template."""
    return body.get("metadata", {}).get("annotations") or {}


def identity(body: Object) -> tuple[str, str]:
    """Kind and name of an object."""
    return body["kind"], body["metadata"]["name"]


def title(body: Object) -> str:
    """Kind and name of an object, as texts name it."""
    return f"{body['kind']}/{body['metadata']['name']}"


def controller_of(body: Object) -> Object:
    """The owner reference of an object's controller, {} if it has none."""
    owners = body["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), {})


def is_leaving(body: Object) -> bool:
    """Whether an object is being deleted. A pod that is still occupies its place on the node."""
    return bool(body["metadata"].get("deletionTimestamp"))


def live_revision(body: Object) -> str | None:
    """The revision that a live pod, or a workload's pod template, carries; None without one."""
    return annotations_of(body).get(REVISION)
