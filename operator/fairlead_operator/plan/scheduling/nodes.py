"""The reasons why a pod fits no node of the cluster, where the operator may look at them.

The scheduler names for each node only the first obstacle that it meets, without amounts, and newer ones do
not name taints. So its verdict "Insufficient nvidia.com/gpu" may be about nodes without accelerators while
the node that has them is tainted. Here only what is certain is concluded: an obstacle that all nodes have
that could hold the pod otherwise. What others use is not known, so "nothing is free" stays the scheduler's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from fairlead_contract.bounds import WORD_CHARACTERS
from fairlead_operator.bounds import NODE_LABELS, NODE_PLACEMENTS, NODE_RESOURCES, NODE_TAINTS
from fairlead_operator.plan.scheduling.placement import (
    Amounts,
    Placement,
    describe,
    is_extended,
    largest,
    placement_of,
    read_amounts,
)
from fairlead_operator.plan.text import clean

Object = dict[str, Any]

_TAINT = ("key", "value", "effect")
_BLOCKING = frozenset({"NoSchedule", "NoExecute"})
_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
# Taints of this prefix are set by Kubernetes for a node that is cordoned, not ready or under pressure.
_STATE = "node.kubernetes.io/"


@dataclass(frozen=True)
class Node:
    """A node: its labels, its taints (key, value, effect) and how much of each resource pods may have."""

    name: str
    labels: dict[str, str]
    taints: tuple[tuple[str, str, str], ...]
    allocatable: Amounts


@dataclass(frozen=True)
class Obstacle:
    """A reason of the catalogue, and a text about the pod that may follow "no node for pod NAME: "."""

    reason: str
    text: str


@dataclass(frozen=True)
class Nodes:
    """The nodes of the cluster. `unread` says why they are not known, as the end of a sentence; "" if they
    are.
    """

    seen: tuple[Node, ...] = ()
    unread: str = ""

    @cached_property
    def most(self) -> Amounts:
        """The most of each resource that one node has."""
        most: Amounts = {}
        for node in self.seen:
            most = largest(most, node.allocatable)
        return most

    @cached_property
    def obstacles(self) -> dict[Placement, Obstacle | None]:
        """Earlier results, at most NODE_PLACEMENTS: many pods have the same requirements."""
        return {}


def view_node(node: Object) -> Object:
    """The part of a node that conclusions use."""
    metadata, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
    return {
        "name": clean(metadata.get("name"), WORD_CHARACTERS * 2),
        "labels": _texts(metadata.get("labels"), NODE_LABELS),
        "taints": [_texts(taint, len(_TAINT)) for taint in (spec.get("taints") or [])[:NODE_TAINTS]],
        "allocatable": _texts(status.get("allocatable"), NODE_RESOURCES),
    }


def read_node(seen: Object) -> Node:
    """A node from its view."""
    taints = tuple(
        (str(taint.get("key", "")), str(taint.get("value", "")), str(taint.get("effect", "")))
        for taint in seen["taints"]
    )
    return Node(seen["name"], seen["labels"], taints, read_amounts(seen["allocatable"]))


def node_obstacle(pod: Object, nodes: Nodes) -> Obstacle | None:
    """The obstacle that all nodes have that could hold the pod otherwise; None if there is none, or no node
    at all.
    """
    placement, known = placement_of(pod), nodes.obstacles
    if placement not in known:
        if len(known) >= NODE_PLACEMENTS:
            known.clear()
        known[placement] = _find_obstacle(placement, nodes)
    return known[placement]


def amounts_note(pod: Object, lacking: Iterable[str], nodes: Nodes | None) -> str:
    """The pod's requests for resources of which not enough is free, and the most that one node has."""
    requests, notes = dict(placement_of(pod).requests), []
    for name in filter(requests.__contains__, lacking):
        note = f"the pod asks for {describe(name, requests[name])}"
        if nodes and nodes.seen:
            note += f", and one node has at most {describe(name, nodes.most.get(name, Fraction(0)))}"
        notes.append(note)
    return "; ".join(notes)


def _find_obstacle(placement: Placement, nodes: Nodes) -> Obstacle | None:
    candidates = _candidates(placement, nodes)
    if not candidates:
        return None
    room = [node for node in candidates if _holds(node, placement)]
    if not room:
        return _too_small(placement, candidates)
    return _selector(placement, room) or _taints(placement, room)


def _candidates(placement: Placement, nodes: Nodes) -> list[Node]:
    """The nodes that are meant for models: those of the control plane only where no other node has the
    accelerators.
    """
    workers = [node for node in nodes.seen if not _is_control_plane(node, placement)]
    offered = all(any(node.allocatable.get(name) for node in workers) for name in _extended(placement))
    return workers if workers and offered else list(nodes.seen)


def _too_small(placement: Placement, nodes: list[Node]) -> Obstacle:
    for resource, amount in sorted(placement.requests, key=lambda item: (not is_extended(item[0]), item[0])):
        biggest = max(nodes, key=lambda node: (node.allocatable.get(resource, Fraction(0)), node.name))
        most = biggest.allocatable.get(resource, Fraction(0))
        if not most:
            return Obstacle(
                "ResourceNotOffered", f"it asks for {resource}, which no node of the cluster offers"
            )
        if most < amount:
            needs = f"it asks for {describe(resource, amount)}; the largest node, {biggest.name}, has "
            return Obstacle("NodesTooSmall", f"{needs}{describe(resource, most)}")
    together = " and ".join(describe(resource, amount) for resource, amount in placement.requests)
    return Obstacle("NodesTooSmall", f"it asks for {together}, and no node has all of it")


def _selector(placement: Placement, room: list[Node]) -> Obstacle | None:
    missing = [
        [f"{key}={value}" for key, value in placement.selector if node.labels.get(key) != value]
        for node in room
    ]
    if not all(missing):
        return None
    labels, name = min(zip(missing, (node.name for node in room), strict=True), key=_shortest)
    text = f"node {name} is large enough and lacks the label {', '.join(labels)} of the node selector"
    return Obstacle("NodeSelectorMismatch", text)


def _taints(placement: Placement, room: list[Node]) -> Obstacle | None:
    selected = [node for node in room if set(placement.selector) <= node.labels.items()]
    blocking = [sorted(taint for taint in node.taints if _blocks(taint, placement)) for node in selected]
    if not all(blocking):
        return None
    found = list(zip(blocking, (node.name for node in selected), strict=True))
    # Taints that a user can tolerate come before those that only an administrator can remove.
    lasting = [item for item in found if not any(key.startswith(_STATE) for key, _, _ in item[0])]
    taints, name = min(lasting or found, key=_shortest)
    has = f"has {', '.join(_extended(placement))} and " if _extended(placement) else ""
    text = f"node {name} {has}has the taint {', '.join(map(_written, taints))}"
    if not lasting:
        return Obstacle("NodesUnavailable", text)
    return Obstacle("UntoleratedTaint", f"{text}, which the pod does not tolerate: {_remedy(taints)}")


def _remedy(taints: list[tuple[str, str, str]]) -> str:
    """The tolerations as YAML that can be copied."""
    entries = []
    for key, value, effect in taints:
        how = f"operator: Equal, value: {json.dumps(value)}" if value else "operator: Exists"
        entries.append(f"{{key: {json.dumps(key)}, {how}, effect: {effect}}}")
    return f"spec.scheduling.tolerations: [{', '.join(entries)}]"


def _written(taint: tuple[str, str, str]) -> str:
    key, value, effect = taint
    return f"{key}={value}:{effect}" if value else f"{key}:{effect}"


def _blocks(taint: tuple[str, str, str], placement: Placement) -> bool:
    key, value, effect = taint
    return effect in _BLOCKING and not any(
        (not of_effect or of_effect == effect)
        and (of_key == key or (not of_key and operator == "Exists"))
        and (operator == "Exists" or of_value == value)
        for of_key, operator, of_value, of_effect in placement.tolerations
    )


def _shortest(item: tuple[list[Any], str]) -> tuple[int, list[Any], str]:
    """The order of obstacles: the fewest first, then by name, so that the choice is stable."""
    return len(item[0]), item[0], item[1]


def _is_control_plane(node: Node, placement: Placement) -> bool:
    return any(taint[0] in _CONTROL_PLANE and _blocks(taint, placement) for taint in node.taints)


def _extended(placement: Placement) -> list[str]:
    return [name for name, _ in placement.requests if is_extended(name)]


def _holds(node: Node, placement: Placement) -> bool:
    return all(node.allocatable.get(name, Fraction(0)) >= amount for name, amount in placement.requests)


def _texts(values: object, most: int) -> dict[str, str]:
    if not isinstance(values, dict):
        return {}
    return {
        clean(key, 3 * WORD_CHARACTERS): clean(value, WORD_CHARACTERS)
        for key, value in list(values.items())[:most]
        if isinstance(value, str)
    }
