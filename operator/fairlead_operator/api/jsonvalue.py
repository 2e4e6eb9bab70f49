"""JSON values against the part of JSON Schema in which parameters are described, and in words.

Types are strict: a boolean is no integer and 2.0 is none either, as in the gateway, which decides about the
same values in requests.
"""

from __future__ import annotations

import json
import re
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
"""What is understood here of JSON Schema; anything else would be overlooked."""

_SHOWN_CHARACTERS = 60


def accepts(schema: Schema, value: Any) -> bool:
    """Whether the schema allows the value. An empty schema allows everything."""
    if "anyOf" in schema:
        return any(accepts(option, value) for option in schema["anyOf"])
    match schema.get("type"):
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return type(value) is int and _bounded(schema, value)
        case "number":
            return type(value) in (int, float) and _bounded(schema, value)
        case "string":
            sized = _sized(schema, value, "Length") if isinstance(value, str) else False
            return sized and value in schema.get("enum", [value])
        case "array":
            sized = _sized(schema, value, "Items") if isinstance(value, list) else False
            return sized and all(accepts(schema.get("items", {}), item) for item in value)
        case "object":
            sized = _sized(schema, value, "Properties") if isinstance(value, dict) else False
            return sized and all(
                _named(schema, name) and accepts(schema.get("additionalProperties", {}), item)
                for name, item in value.items()
            )
    return True


def describe(schema: Schema) -> str:
    """What the schema allows, in words that complete "must be"."""
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


def _bounded(schema: Schema, value: float) -> bool:
    above = "exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"]
    return bool(above and schema.get("minimum", value) <= value <= schema.get("maximum", value))


def _sized(schema: Schema, value: Any, unit: str) -> bool:
    size = len(value)
    return bool(schema.get(f"min{unit}", 0) <= size <= schema.get(f"max{unit}", size))


def _named(schema: Schema, name: str) -> bool:
    pattern = schema.get("propertyNames", {}).get("pattern")
    return pattern is None or re.fullmatch(pattern, name) is not None


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
