"""A schema and all that a backend reaches from it, each part once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fairlead_contract.parameters.bounds import MAX_FOLLOWED_REFERENCES, MAX_SCHEMA_COMPARISONS

from .fault import path_of
from .reading import BRANCHES, leader_of, own_types, parts_of, type_of


@dataclass(slots=True, eq=False)
class Node:
    """A schema at its place."""

    schema: Any
    parent: Node | None
    steps: tuple[str | int, ...]
    names: bool = False
    """Whether it is about names of properties, which are strings without saying so."""
    rebased: bool = False
    """Whether it is within a schema that has an `$id` of its own and is not the root."""

    def path(self, *further: str | int) -> str:
        """The path from the root to the place, or to something in it."""
        steps, node = [*further], self
        while node.parent is not None:
            steps[:0] = node.steps
            node = node.parent
        return path_of(steps)


class Tree:
    """All schemas that a backend reads, beginning with the root; parents come before their parts."""

    def __init__(self, root: Any) -> None:
        self.root = Node(root, None, ())
        self.nodes: list[Node] = []
        self.targets: dict[int, Node] = {}
        """The target of a node's `$ref`, by the node's identity; missing if it leads to nothing."""
        self._by_schema: dict[tuple[int, bool], Node] = {}
        self._types: dict[int, frozenset[str] | None] = {}
        self.parts: dict[int, list[Node]] = {}
        """The schemas in a node, by the node's identity."""
        self.properties: dict[int, dict[str, Node]] = {}
        """Those parts that are properties, by their names; filled where they are compared."""
        self.comparisons_left = MAX_SCHEMA_COMPARISONS
        self._walk()

    def _walk(self) -> None:
        stack = [self._known(self.root)]
        while stack:
            node = stack.pop()
            self.nodes.append(node)
            found = list(self._below(node)) if isinstance(node.schema, dict) else []
            stack.extend(reversed(found))

    def _known(self, node: Node) -> Node:
        if isinstance(node.schema, dict):
            self._by_schema[id(node.schema), node.names] = node
        return node

    def _below(self, node: Node) -> Iterator[Node]:
        """The parts of a node that were not reached before."""
        if leader_of(node.schema) == "$ref":
            target = self._target(node)
            if target is not None:
                known = self._by_schema.get((id(target.schema), target.names))
                self.targets[id(node)] = known or target
                if known is None:
                    yield self._known(target)
            return
        parts = self.parts[id(node)] = []
        for steps, schema in parts_of(node.schema):
            names = node.names or steps[0] == "propertyNames"
            part = Node(schema, node, steps, names, self.is_rebased(node))
            known = self._by_schema.get((id(schema), names)) if isinstance(schema, dict) else None
            parts.append(known or part)
            if known is None:
                yield self._known(part)

    def _target(self, node: Node) -> Node | None:
        reference = node.schema["$ref"]
        if not isinstance(reference, str) or not reference.startswith("#"):
            return None
        found, steps = self.root.schema, tuple(reference.split("/")[1:])
        if reference != "#" + "".join(f"/{step}" for step in steps):
            return None
        for step in steps:
            if not isinstance(found, dict) or step not in found:
                return None
            found = found[step]
        return Node(found, self.root, steps, node.names) if steps else self.root

    @staticmethod
    def is_rebased(node: Node) -> bool:
        """Whether a reference of the node is relative to something else than the root."""
        return node.rebased or (node.parent is not None and "$id" in node.schema)

    def followed(self, node: Node) -> list[Node]:
        """The target of a node's `$ref`; empty if there is none."""
        return [self.targets[id(node)]] if id(node) in self.targets else []

    def types(self, node: Node, followed: int = 0) -> frozenset[str] | None:
        """The types of the values that a backend allows; None for any."""
        key = id(node)
        if key not in self._types:
            if followed > MAX_FOLLOWED_REFERENCES:
                return None
            # What leads back to itself adds no type.
            self._types[key] = frozenset()
            self._types[key] = self._types_of(node, followed + 1)
        return self._types[key]

    def _types_of(self, node: Node, followed: int) -> frozenset[str] | None:
        schema = node.schema
        if not isinstance(schema, dict):
            return frozenset() if schema is False else None
        leader = leader_of(schema)
        if leader is None:
            return own_types(schema) or (frozenset({"string"}) if node.names else None)
        if leader == "const":
            return frozenset({type_of(schema["const"])})
        if leader == "enum":
            values = schema["enum"] if isinstance(schema["enum"], list) else []
            return frozenset(map(type_of, values))
        below = self.parts[id(node)] if leader in BRANCHES else self.followed(node)
        found = [self.types(part, followed) for part in below]
        if not found or None in found:
            return None
        return frozenset().union(*(types for types in found if types is not None))
