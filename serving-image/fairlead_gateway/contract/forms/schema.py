"""Whether the engine's backend can enforce a JSON schema, and if not, the place where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import members, references
from .backends import Backend
from .ends import endless_schemas
from .fault import INVALID, UNSUPPORTED, Fault
from .keywords import KEYWORDS, LEADERS, RESTRICTIONS, Keyword
from .reading import TYPES, leader_of, own_types, within
from .tree import Node, Tree

_Rule = Callable[[Tree, Node, Backend], Fault | None]
# Values by which a keyword restricts nothing.
_NOTHING: tuple[Any, ...] = (True, {}, [])
_CLOSING = frozenset({"additionalProperties", "unevaluatedProperties", "unevaluatedItems"})
_LEAST = frozenset({"minItems", "minLength", "minProperties"})
# llguidance reads keywords together that the others read apart, and refuses what it cannot read.
_READS_APART = frozenset(Backend) - {Backend.GUIDANCE}


def fault_in_schema(schema: Any, backend: Backend) -> Fault | None:
    """The first place of a JSON schema that the backend does not enforce or fails on; None if there is none.

    Takes time in proportion to the size of the schema, but for a `oneOf`, whose branches are compared.
    """
    tree = Tree(schema)
    for node in tree.nodes:
        for rule in _RULES:
            fault = rule(tree, node, backend)
            if fault is not None:
                return fault
    return references.fault_of_endless(tree, endless_schemas(tree))


def _check_shape(tree: Tree, node: Node, backend: Backend) -> Fault | None:
    if isinstance(node.schema, dict) or node.schema is True or backend is Backend.GUIDANCE:
        return None
    if node.schema is False:
        return Fault(node.path(), "is false, so that nothing fits it. Leave the part out.")
    return Fault(node.path(), "must be a JSON schema: an object, or true.")


def _check_keywords(tree: Tree, node: Node, backend: Backend) -> Fault | None:
    """The keywords that the backend never enforces."""
    for name in node.schema:
        keyword = KEYWORDS.get(name)
        if keyword is not None and backend in keyword.gaps and _counts(name, keyword, node.schema, backend):
            return Fault(node.path(name), f"cannot be enforced. {keyword.instead}", UNSUPPORTED)
    return None


def _counts(name: str, keyword: Keyword, schema: dict[str, Any], backend: Backend) -> bool:
    """Whether a keyword has an effect in the schema."""
    leader, types = leader_of(schema), own_types(schema)
    if keyword.types and (
        leader in ("const", "enum") or (leader is None and types.isdisjoint(keyword.types))
    ):
        # Without any type it is another fault.
        return not types and leader is None and backend is Backend.GUIDANCE
    if name == "if":
        return not {"then", "else"}.isdisjoint(schema) or backend is Backend.GUIDANCE
    # vLLM refuses it for these whatever its value is.
    if name == "uniqueItems" and backend not in (Backend.XGRAMMAR, Backend.GUIDANCE):
        return bool(schema[name])
    return not (name.startswith("depend") and not schema[name])


def _check_beside_leader(tree: Tree, node: Node, backend: Backend) -> Fault | None:
    """Keywords beside one that decides alone are ignored."""
    leader = leader_of(node.schema)
    if leader is None or backend not in _READS_APART:
        return None
    for name, value in node.schema.items():
        if name == leader or not _is_lost(name, value, leader):
            continue
        if name == "type":
            if _has_its_type(tree, node):
                continue
            if leader in ("const", "enum"):
                return Fault(node.path(leader), "must have values of its 'type' only.", INVALID)
        why = f"cannot be enforced beside '{leader}'. Write it into what '{leader}' has or refers to."
        return Fault(node.path(name), why, UNSUPPORTED)
    return None


def _is_lost(name: str, value: Any, leader: str) -> bool:
    """Whether a keyword beside the one that decides restricts the answer further."""
    if name == "type" or name in LEADERS:
        return True
    # Values that are written out could only be contradicted.
    if name not in RESTRICTIONS or _says_nothing(name, value) or leader in ("const", "enum"):
        return False
    # Objects and arrays are closed by default.
    return not (name in _CLOSING and value is False)


def _has_its_type(tree: Tree, node: Node) -> bool:
    types = tree.types(node)
    allowed = own_types(node.schema) | ({"null"} if node.schema.get("nullable") is True else set())
    return types is not None and within(types, allowed)


def _says_nothing(name: str, value: Any) -> bool:
    if name in _LEAST:
        return value in (0, None) and value is not False
    return name in RESTRICTIONS and any(
        value == nothing and type(value) is type(nothing) for nothing in _NOTHING
    )


def _check_leader(tree: Tree, node: Node, backend: Backend) -> Fault | None:
    schema, leader = node.schema, leader_of(node.schema)
    if leader in ("enum", "anyOf", "oneOf"):
        if not isinstance(schema[leader], list) or not schema[leader]:
            return Fault(node.path(leader), "must be an array with at least one item.")
    elif leader == "allOf":
        if not isinstance(schema[leader], list):
            return Fault(node.path(leader), "must be an array.")
        if len(schema[leader]) > 1 and backend in (Backend.XGRAMMAR, Backend.OUTLINES):
            why = "cannot be enforced with several schemas. Write them as one."
            return Fault(node.path(leader), why, UNSUPPORTED)
    elif leader is None:
        return _check_type(node, backend)
    return None


def _check_type(node: Node, backend: Backend) -> Fault | None:
    schema = node.schema
    if "type" not in schema:
        return _check_untyped(node, backend)
    named = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not named or not all(isinstance(name, str) and name in TYPES for name in named):
        return Fault(node.path("type"), f"must be one or more of {', '.join(sorted(TYPES))}.")
    return None


def _check_untyped(node: Node, backend: Backend) -> Fault | None:
    """Without a type, backends read a schema as one that anything fits."""
    if backend not in _READS_APART or node.names or own_types(node.schema):
        return None
    for name, value in node.schema.items():
        keyword = KEYWORDS.get(name)
        if keyword is not None and keyword.types and not _says_nothing(name, value):
            types = " or ".join(f"'{one}'" for one in sorted(keyword.types))
            return Fault(node.path(name), f"cannot be enforced without a 'type'. Add {types}.", UNSUPPORTED)
    return None


def _only_objects(rule: _Rule) -> _Rule:
    def checked(tree: Tree, node: Node, backend: Backend) -> Fault | None:
        return rule(tree, node, backend) if isinstance(node.schema, dict) else None

    return checked


_RULES: tuple[_Rule, ...] = (
    _check_shape,
    *map(
        _only_objects,
        (
            references.check_reference,
            _check_keywords,
            _check_beside_leader,
            _check_leader,
            references.check_one_of,
            members.check_objects,
            members.check_arrays,
            members.check_numbers,
            members.check_strings,
        ),
    ),
)
