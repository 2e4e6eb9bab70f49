"""Whether two branches of a `oneOf` exclude each other. If so it means the same as `anyOf`.

xgrammar reads every other `oneOf` as `anyOf`, so that its answer may fit two branches, which is none.
"""

from __future__ import annotations

import json
from typing import Any

from fairlead_contract.parameters.bounds import MAX_COMPARED_LEVELS

from .reading import BRANCHES, leader_of, type_of
from .tree import Node, Tree

_LOWER, _UPPER = ("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")
_OPENING = ("additionalProperties", "patternProperties", "unevaluatedProperties")


def are_disjoint(tree: Tree, first: Node, second: Node, levels: int = MAX_COMPARED_LEVELS) -> bool:
    """Whether it is plain that no value fits both schemas as the backend reads them.

    Objects also count as disjoint if a property that both have is different, even where it may be left out:
    generators do not require a tag that has a default. Where the tree's comparisons are used up, nothing is
    plain any more.
    """
    tree.comparisons_left -= 1
    if tree.comparisons_left < 0:
        return False
    first, second = _resolved(tree, first), _resolved(tree, second)
    values, others = _values(tree, first), _values(tree, second)
    if values is not None and others is not None:
        return values.isdisjoint(others)
    types, further = tree.types(first), tree.types(second)
    if types is None or further is None:
        return False
    common = _numbers(types) & _numbers(further)
    if not common or values is not None or others is not None:
        return not common
    if common == {"number"}:
        return _is_below(first.schema, second.schema) or _is_below(second.schema, first.schema)
    return common == {"object"} and levels > 0 and _objects_differ(tree, first, second, levels)


def _resolved(tree: Tree, node: Node) -> Node:
    """The schema behind references and lists with one branch."""
    for _ in range(MAX_COMPARED_LEVELS):
        leader = leader_of(node.schema) if isinstance(node.schema, dict) else None
        below = tree.followed(node) if leader == "$ref" else tree.parts.get(id(node), [])
        if leader not in ("$ref", *BRANCHES) or len(below) != 1:
            break
        node = below[0]
    return node


def _numbers(types: frozenset[str]) -> frozenset[str]:
    return (types - {"integer"}) | {"number"} if "integer" in types else types


def _values(tree: Tree, node: Node) -> set[str] | None:
    """The values that a schema lists, as JSON; None for one that lists none."""
    leader = leader_of(node.schema) if isinstance(node.schema, dict) else None
    if leader not in ("const", "enum"):
        return None
    found = node.schema[leader] if leader == "enum" else [node.schema["const"]]
    if not isinstance(found, list):
        return None
    tree.comparisons_left -= len(found)
    return {_canonical(value) for value in found}


def _canonical(value: Any) -> str:
    # 1.0 is 1. Not orjson, which has no integers of more than 64 bits.
    return json.dumps(int(value) if type_of(value) == "integer" else value, sort_keys=True)


def _is_below(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether all numbers of one schema are less than those of the other."""
    tops = [first[name] for name in _UPPER if _is_number(first.get(name))]
    bottoms = [second[name] for name in _LOWER if _is_number(second.get(name))]
    if not tops or not bottoms:
        return False
    top, bottom = min(tops), max(bottoms)
    excluded = first.get("exclusiveMaximum") == top or second.get("exclusiveMinimum") == bottom
    return bool(top < bottom or (top == bottom and excluded))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _objects_differ(tree: Tree, first: Node, second: Node, levels: int) -> bool:
    mine, theirs = _properties(tree, first), _properties(tree, second)
    if _needs_more(first.schema, theirs, second.schema) or _needs_more(second.schema, mine, first.schema):
        return True
    common = [(mine[name], theirs[name]) for name in mine if name in theirs]
    tree.comparisons_left -= len(mine)
    # Tags first: they distinguish most objects.
    common.sort(key=lambda pair: not _lists_values(pair[0]))
    return any(are_disjoint(tree, one, other, levels - 1) for one, other in common)


def _lists_values(node: Node) -> bool:
    return isinstance(node.schema, dict) and ("const" in node.schema or "enum" in node.schema)


def _properties(tree: Tree, node: Node) -> dict[str, Node]:
    if id(node) not in tree.properties:
        found = (part for part in tree.parts.get(id(node), []) if part.steps[0] == "properties")
        tree.properties[id(node)] = {str(part.steps[-1]): part for part in found}
    return tree.properties[id(node)]


def _needs_more(schema: dict[str, Any], known: dict[str, Node], other: dict[str, Any]) -> bool:
    """Whether a schema requires a property that the other does not have. Objects are closed by default."""
    if any(other.get(name) or other.get(name) == {} for name in _OPENING):
        return False
    names = schema.get("required")
    return isinstance(names, list) and any(isinstance(name, str) and name not in known for name in names)
