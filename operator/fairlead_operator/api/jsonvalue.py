"""JSON values, paths and the part of JSON Schema that describes parameters, as texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

Schema = dict[str, Any]

# The one rule for names that parameters have: token IDs.
DIGITS = {"pattern": "^[0-9]+$"}
KEYWORDS = frozenset(
    {"type", "enum", "anyOf", "items", "additionalProperties", "propertyNames", "minimum", "maximum"}
    | {"exclusiveMinimum"}
    | {f"{side}{unit}" for side in ("min", "max") for unit in ("Length", "Items", "Properties")}
)
"""The supported keywords of JSON Schema; others would be ignored."""

_SHOWN_CHARACTERS = 60


def describe(schema: Schema) -> str:
    """Returns the values that the schema allows, in words that complete "must be"."""
    if "anyOf" in schema:
        return " or ".join(describe(option) for option in schema["anyOf"])
    match schema.get("type"):
        case "boolean":
            return "true or false"
        case "integer":
            return "an integer" + _range(schema)
        case "number":
            return "a number" + _range(schema)
        case "string" if "enum" in schema:
            return "one of " + ", ".join(schema["enum"])
        case "string":
            return "a string" + _size(schema, "Length", "characters")
        case "array":
            each = f", each {describe(schema['items'])}" if schema.get("items") else ""
            return "a list" + _size(schema, "Items", "items") + each
        case "object":
            names = " with names of digits" if schema.get("propertyNames") == DIGITS else ""
            inner = schema.get("additionalProperties")
            each = f", each value {describe(inner)}" if inner else ""
            return "an object" + names + _size(schema, "Properties", "entries") + each
    return "any value"


def shown(value: Any) -> str:
    """A value as a message repeats it: short JSON."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."


def field(path: Sequence[str | int]) -> str:
    """A path as Kubernetes writes it: `spec.engine.env[0].name`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _range(schema: Schema) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f" from {schema['minimum']} to {schema['maximum']}"
    parts = [
        f"{words} {schema[key]}"
        for key, words in (("exclusiveMinimum", "above"), ("minimum", "from"), ("maximum", "up to"))
        if key in schema
    ]
    return f" {' and '.join(parts)}" if parts else ""


def _size(schema: Schema, unit: str, noun: str) -> str:
    low, high = schema.get(f"min{unit}", 0), schema.get(f"max{unit}")
    if high is not None:
        return f" of {low} to {high} {noun}"
    return f" of at least {low} {noun}" if low else ""
