"""How a backend reads one schema: what decides about it, the types of its values, and its parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .keywords import LEADERS

SCALARS = frozenset({"null", "boolean", "integer", "number", "string"})
TYPES = SCALARS | {"object", "array"}
# Keywords from which backends conclude that a schema without a type is about objects, or about arrays.
_OF_OBJECTS = ("properties", "additionalProperties", "patternProperties", "unevaluatedProperties")
_OF_ARRAYS = ("items", "prefixItems", "unevaluatedItems")
# Where `false` means that there are no more, instead of being a schema that nothing fits.
_ENDS = frozenset({"additionalProperties", "unevaluatedProperties", "items", "unevaluatedItems"})
BRANCHES = ("anyOf", "oneOf", "allOf")


def leader_of(schema: dict[str, Any]) -> str | None:
    """The keyword that decides about the schema alone; None if its type does."""
    return next((name for name in LEADERS if name in schema), None)


def own_types(schema: dict[str, Any]) -> frozenset[str]:
    """The types by the schema's own `type`, or by its other keywords; none if it does not restrict types."""
    named = schema.get("type")
    if isinstance(named, str):
        return frozenset({named})
    if isinstance(named, list):
        return frozenset(name for name in named if isinstance(name, str))
    found = {"object": _OF_OBJECTS, "array": _OF_ARRAYS}
    return frozenset(kind for kind, names in found.items() if any(name in schema for name in names))


def type_of(value: Any) -> str:
    """The type of a JSON value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def within(types: frozenset[str], allowed: frozenset[str]) -> bool:
    """Whether all types are allowed. An integer is a number."""
    return types <= (allowed | {"integer"} if "number" in allowed else allowed)


def parts_of(schema: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """The schemas that a backend reads inside a schema, but for a reference, with the steps to each."""
    leader = leader_of(schema)
    if leader is not None:
        branches = schema[leader] if leader in BRANCHES else None
        yield from (((leader, i), part) for i, part in enumerate(_list(branches)))
        return
    types = own_types(schema)
    if "object" in types:
        for name in ("properties", "patternProperties"):
            yield from (((name, key), part) for key, part in _dict(schema.get(name)).items())
        yield from _one(schema, "additionalProperties", "unevaluatedProperties", "propertyNames")
    if "array" in types:
        yield from ((("prefixItems", i), part) for i, part in enumerate(_list(schema.get("prefixItems"))))
        yield from _one(schema, "items", "unevaluatedItems")


def _one(schema: dict[str, Any], *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name in names:
        if name in schema and not (schema[name] is False and name in _ENDS):
            yield (name,), schema[name]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
