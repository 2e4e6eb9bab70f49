"""The observations of one model: its object, its children, its pods, and their reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairlead_contract.status import PodReport
from fairlead_operator.plan.scaling.replicas import Scaling
from fairlead_operator.plan.scheduling.nodes import Nodes

Object = dict[str, Any]


@dataclass(frozen=True, order=True)
class Field:
    """A field of a child: the child's kind and name, and the path of the field in it."""

    kind: str
    name: str
    path: str


@dataclass(frozen=True)
class Contest:
    """A field that something else sets repeatedly. `writer` is its writer, "" if unknown; for `seconds` its
    value is left as it is, then the desired one is applied.
    """

    field: Field
    writer: str
    seconds: float


@dataclass(frozen=True)
class Observed:
    """The observed state of one model: its children (owned, labelled, or merely of a child's name), its pods,
    Events about pods that wait for a node or for their volumes, the statuses from gateways by pod
    (`/status`), the autoscaler's state, None before its first decision, and the names that other models have,
    each with the NAMESPACE/NAME of its holder. `contests` are fields of children that another writer sets
    too. `nodes` are those of the cluster, read only for a pod without one.
    """

    children: tuple[Object, ...] = ()
    pods: tuple[Object, ...] = ()
    events: tuple[Object, ...] = ()
    reports: Mapping[str, PodReport] = field(default_factory=dict)
    scaling: Scaling | None = None
    taken: Mapping[str, str] = field(default_factory=dict)
    contests: tuple[Contest, ...] = ()
    nodes: Nodes | None = None
