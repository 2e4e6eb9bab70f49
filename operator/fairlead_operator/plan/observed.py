"""What is observed of one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairlead_operator.api.names import REVISION
from fairlead_operator.plan.nodes import Nodes
from fairlead_operator.plan.podreport import PodReport
from fairlead_operator.plan.scaling import Scaling

Object = dict[str, Any]


@dataclass(frozen=True, order=True)
class Field:
    """A field of a child: the child's kind and name, and the path of the field in it."""

    kind: str
    name: str
    path: str


@dataclass(frozen=True)
class Contest:
    """A field that something else sets repeatedly. `writer` is who, "" if it is not known; for `seconds` its
    value is left as it is, then the wanted one is applied.
    """

    field: Field
    writer: str
    seconds: float


@dataclass(frozen=True)
class Observed:
    """The live world of one model: its children (owned, labelled, or merely of a child's name), its pods,
    Events about pods that wait for a node or for their volumes, by pod what gateways tell (`/status`),
    what the autoscaler says, None where it has not decided yet, and the names that other models have, each
    with the NAMESPACE/NAME of its holder. `contests` are fields of children that something else sets too.
    `nodes` are those of the cluster, read only for a pod without one.
    """

    children: tuple[Object, ...] = ()
    pods: tuple[Object, ...] = ()
    events: tuple[Object, ...] = ()
    reports: Mapping[str, PodReport] = field(default_factory=dict)
    scaling: Scaling | None = None
    taken: Mapping[str, str] = field(default_factory=dict)
    contests: tuple[Contest, ...] = ()
    nodes: Nodes | None = None


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


def live_revision(body: Object) -> str | None:
    """The revision that a live pod, or a workload's pod template, carries; None without one."""
    found: str | None = (body.get("metadata", {}).get("annotations") or {}).get(REVISION)
    return found


def is_leaving(body: Object) -> bool:
    """Whether an object is on its way out. A pod that is still has its room, and will give it back."""
    return bool(body["metadata"].get("deletionTimestamp"))
