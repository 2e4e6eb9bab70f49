"""The rules of a schema for values of one type. Most are xgrammar's own rules, named by their place."""

from __future__ import annotations

from typing import Any

from .backends import Backend
from .fault import INVALID, UNSUPPORTED, Fault
from .keywords import FORMATS
from .patterns import fault_in_pattern
from .reading import leader_of, own_types
from .tree import Node, Tree

_INT64 = 1 << 63
# xgrammar's counters.
_MAX_COUNT = (1 << 31) - 1
_LENGTHS = ("minLength", "maxLength")


def _is_whole(bound: float) -> bool:
    return isinstance(bound, int) or bound.is_integer()


def _is_about(node: Node, *types: str) -> bool:
    return leader_of(node.schema) is None and not own_types(node.schema).isdisjoint(types)


def check_objects(tree: Tree, node: Node, backend: Backend) -> Fault | None:
    """Properties, and how many there must be."""
    if not _is_about(node, "object") or backend is Backend.GUIDANCE:
        return None
    schema = node.schema
    for name in ("properties", "patternProperties"):
        if name in schema and not isinstance(schema[name], dict):
            return Fault(node.path(name), "must be an object with a schema for each name.")
    properties = schema.get("properties", {})
    if backend is Backend.LM_FORMAT_ENFORCER and not properties:
        return None
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        return Fault(node.path("required"), "must be an array of strings.")
    for i, name in enumerate(required):
        if name not in properties:
            why = "cannot be enforced for a name that 'properties' does not have. Add it there."
            return Fault(node.path("required", i), why, UNSUPPORTED)
    if backend is not Backend.XGRAMMAR:
        return None
    return _check_names(tree, node, schema) or _check_number_of_properties(node, schema, len(properties))


def _check_names(tree: Tree, node: Node, schema: dict[str, Any]) -> Fault | None:
    patterns = schema.get("patternProperties", {})
    for pattern in patterns:
        fault = fault_in_pattern(pattern, in_schema=True)
        if fault is not None:
            return Fault(node.path("patternProperties", pattern), f"{fault}.", UNSUPPORTED)
    if "type" in schema and patterns and (len(patterns) > 1 or "properties" in schema):
        why = "can be enforced with one pattern and without 'properties' only. Write 'additionalProperties'."
        return Fault(node.path("patternProperties"), why, UNSUPPORTED)
    if "propertyNames" not in schema:
        return None
    if not isinstance(schema["propertyNames"], dict):
        return Fault(node.path("propertyNames"), "must be an object. Leave it out.")
    names = next(part for part in tree.parts[id(node)] if part.steps[0] == "propertyNames")
    if not (tree.types(names) or frozenset()) <= {"string"}:
        return Fault(node.path("propertyNames"), "must be about strings: names are nothing else.")
    others = ("properties", "patternProperties", "unevaluatedProperties")
    if any(other in schema for other in others) or schema.get("additionalProperties") is False:
        why = (
            f"cannot be enforced beside {', '.join(others)}, or without additional properties. Leave it out."
        )
        return Fault(node.path("propertyNames"), why, UNSUPPORTED)
    return None


def _check_number_of_properties(node: Node, schema: dict[str, Any], known: int) -> Fault | None:
    fault = _check_counts(node, schema, "minProperties", "maxProperties")
    # xgrammar reads the first of these alone. Without them an empty `patternProperties` opens an object too.
    closing = ("additionalProperties", "unevaluatedProperties")
    others = next((schema[name] for name in closing if name in schema), "patternProperties" in schema)
    is_open = schema.get("patternProperties") or "propertyNames" in schema or others is not False
    if fault is None and schema.get("minProperties", 0) > known and not is_open:
        why = f"is more than the {known} of 'properties'. Add 'additionalProperties': true."
        return Fault(node.path("minProperties"), why)
    return fault


def check_arrays(tree: Tree, node: Node, backend: Backend) -> Fault | None:
    """Items, and how many there must be."""
    if not _is_about(node, "array") or backend is not Backend.XGRAMMAR:
        return None
    schema = node.schema
    first = schema.get("prefixItems", [])
    if not isinstance(first, list):
        return Fault(node.path("prefixItems"), "must be an array of schemas.")
    if isinstance(schema.get("items"), list):
        return Fault(node.path("items"), "must be a schema. Write an array of schemas as 'prefixItems'.")
    fault = _check_counts(node, schema, "minItems", "maxItems")
    if fault is not None:
        return fault
    if schema.get("maxItems", len(first)) < len(first):
        return Fault(node.path("maxItems"), f"is less than the {len(first)} of 'prefixItems'.")
    others = schema.get("items", schema.get("unevaluatedItems", False))
    if schema.get("minItems", 0) > len(first) and others is False:
        return Fault(node.path("minItems"), f"is more than the {len(first)} of 'prefixItems'. Add 'items'.")
    return None


def check_numbers(tree: Tree, node: Node, backend: Backend) -> Fault | None:
    """Bounds of numbers."""
    if not _is_about(node, "integer", "number") or backend is not Backend.XGRAMMAR:
        return None
    schema, whole = node.schema, "integer" in own_types(node.schema)
    lowest, highest = float("-inf"), float("inf")
    for name in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"):
        if name not in schema:
            continue
        bound = schema[name]
        if isinstance(bound, bool) or not isinstance(bound, int | float):
            return Fault(node.path(name), "must be a number.")
        if whole and (not _is_whole(bound) or not -_INT64 <= bound < _INT64):
            return Fault(node.path(name), "must be a whole number of 64 bits for integers. Round it.")
        step = int(name.startswith("exclusive")) if whole else 0
        if name.endswith("inimum"):
            lowest = max(lowest, bound + step)
        else:
            highest = min(highest, bound - step)
    excluded = schema.get("exclusiveMinimum") == lowest or schema.get("exclusiveMaximum") == highest
    if lowest > highest or (lowest == highest and excluded and not whole):
        return Fault(node.path(), "has bounds that no number is between. Change one of them.")
    return None


def check_strings(tree: Tree, node: Node, backend: Backend) -> Fault | None:
    """Lengths, patterns and formats."""
    is_string = _is_about(node, "string") or (node.names and leader_of(node.schema) is None)
    if not is_string or backend is not Backend.XGRAMMAR:
        return None
    schema = node.schema
    fault = _check_counts(node, schema, *_LENGTHS)
    if fault is not None:
        return fault
    if "pattern" in schema and not isinstance(schema["pattern"], str):
        return Fault(node.path("pattern"), "must be a string.")
    restricted = next((name for name in ("pattern", "format") if name in schema), None)
    length = next((name for name in _LENGTHS if name in schema), None)
    if restricted and length:
        why = f"cannot be enforced beside '{restricted}'. Leave one of them out"
        why += ", or write '{n,m}' in the pattern." if restricted == "pattern" else "."
        return Fault(node.path(length), why, UNSUPPORTED)
    if "format" in schema:
        return _check_format(node, schema["format"])
    fault_of_pattern = fault_in_pattern(schema.get("pattern", ""), in_schema=True)
    if fault_of_pattern is not None:
        return Fault(node.path("pattern"), f"{fault_of_pattern}.", UNSUPPORTED)
    return None


def _check_format(node: Node, expected: Any) -> Fault | None:
    """A format is enforced, and a pattern beside it is not read: generators write the same twice."""
    if isinstance(expected, str) and (expected in FORMATS or node.names):
        return None
    why = f"must be one of {', '.join(sorted(FORMATS))}. Leave it out, or write 'pattern'."
    return Fault(node.path("format"), why, UNSUPPORTED)


def _check_counts(node: Node, schema: dict[str, Any], lowest: str, highest: str) -> Fault | None:
    for name in (lowest, highest):
        count = schema.get(name, 0)
        most = _MAX_COUNT if name == lowest else _INT64 - 1
        if type(count) is not int or not 0 <= count <= most:
            return Fault(node.path(name), f"must be a whole number from 0 to {most}.", INVALID)
    if highest in schema and schema.get(lowest, 0) > schema[highest]:
        return Fault(node.path(lowest), f"is more than '{highest}'. Change one of them.")
    return None
