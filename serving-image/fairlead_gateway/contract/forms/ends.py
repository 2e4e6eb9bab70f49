"""Whether a form can come to an end: a rule or a schema that only leads back to itself has no finite answer.

Such a form leaves the engine no first token, which is a 500, or it goes on until the tokens are used up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable
from typing import Any, TypeVar

from .reading import leader_of, own_types
from .tree import Node, Tree

_Name = TypeVar("_Name", bound=Hashable)


def ending(alternatives: Iterable[tuple[_Name, Collection[_Name]]]) -> set[_Name]:
    """The names that end: those with an alternative of which all parts end.

    Each alternative is a name and the parts that it needs. Takes time in proportion to their number.
    """
    left: list[tuple[_Name, int]] = []
    needed_by: defaultdict[_Name, list[int]] = defaultdict(list)
    found: set[_Name] = set()
    ready: list[_Name] = []
    for name, needs in alternatives:
        parts = set(needs)
        for part in parts:
            needed_by[part].append(len(left))
        left.append((name, len(parts)))
        if not parts:
            ready.append(name)
    while ready:
        name = ready.pop()
        if name in found:
            continue
        found.add(name)
        for place in needed_by[name]:
            waiting, number = left[place]
            left[place] = waiting, number - 1
            if number == 1:
                ready.append(waiting)
    return found


def endless_schemas(tree: Tree) -> set[int]:
    """The nodes of a schema, by identity, that no finite value fits because they need themselves."""
    alternatives = [(id(node), needs) for node in tree.nodes for needs in _alternatives(tree, node)]
    return {id(node) for node in tree.nodes} - ending(alternatives)


def _alternatives(tree: Tree, node: Node) -> list[list[int]]:
    """The parts that a value of the schema must have, for each way to be one."""
    schema = node.schema
    if not isinstance(schema, dict):
        return [[]]
    leader = leader_of(schema)
    if leader == "$ref":
        return [[id(target) for target in tree.followed(node)]]
    parts = tree.parts[id(node)]
    if leader == "allOf":
        return [[id(part) for part in parts]]
    if leader in ("anyOf", "oneOf"):
        # A list without branches is another fault.
        return [[id(part)] for part in parts] or [[]]
    if leader is not None:
        return [[]]
    types = own_types(schema)
    found = [_required(schema, parts)] if "object" in types else []
    if "array" in types:
        found.append(_least(schema, parts))
    return found if types and types <= {"object", "array"} else [[]]


def _required(schema: dict[str, Any], parts: list[Node]) -> list[int]:
    names = schema.get("required")
    known = {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()
    return [id(part) for part in parts if part.steps[0] == "properties" and part.steps[1] in known]


def _least(schema: dict[str, Any], parts: list[Node]) -> list[int]:
    least = schema.get("minItems", 0)
    least = least if isinstance(least, int) else 0
    first = [part for part in parts if part.steps[0] == "prefixItems"]
    # xgrammar closes an array after the items that it must have.
    further = [part for part in parts if part.steps[0] == "items"] if least > len(first) else []
    return [id(part) for part in first[:least] + further]
