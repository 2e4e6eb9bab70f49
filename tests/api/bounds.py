"""What a structural schema enforces: the messages of its rules, and objects one step beyond each bound, made
from the schema itself, so that a new field has its cases too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
# (name of the field, words of the refusal, the whole object)
Case = tuple[str, str, Any]


def messages(schema: dict[str, Any]) -> Iterator[str]:
    """The messages of all rules in CEL."""
    yield from (item["message"] for item in schema.get("x-kubernetes-validations", []))
    parts = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    for part in parts:
        if isinstance(part, dict):
            yield from messages(part)


def minimal(schema: Schema) -> Any:
    """The least value that fits a schema's types and bounds."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: minimal(schema["properties"][name]) for name in schema.get("required", [])}
        case "array":
            return []
        case "string":
            return "a" * schema.get("minLength", 1)
        case "boolean":
            return False
        case _:
            return schema.get("minimum", 1)


def beyond(schema: Schema, whole: Any, field: str = "spec") -> Iterator[Case]:
    """Cases for all bounds in a schema; `whole` is a fitting value of it."""
    for words, value in _broken(schema):
        yield field, words, value
    for name, part in schema.get("properties", {}).items():
        for case in beyond(part, minimal(part), name):
            yield (*case[:2], {**whole, name: case[2]})
    if items := schema.get("items"):
        for name, words, value in beyond(items, minimal(items), field):
            yield name, words, [value]
    values = schema.get("additionalProperties")
    if isinstance(values, dict):
        for name, words, value in beyond(values, minimal(values), field):
            yield name, words, {"a": value}


def _broken(schema: Schema) -> Iterator[tuple[str, Any]]:
    if "enum" in schema:
        yield "Unsupported value", "no-such-word"
    if "minimum" in schema:
        yield "should be greater than or equal to", schema["minimum"] - 1
    if "maximum" in schema:
        yield "should be less than or equal to", schema["maximum"] + 1
    if schema.get("minLength"):
        yield "should be at least", "a" * (schema["minLength"] - 1)
    if "maxLength" in schema:
        yield "Too long", "a" * (schema["maxLength"] + 1)
    if "maxItems" in schema:
        yield "Too many", [minimal(schema["items"])] * (schema["maxItems"] + 1)
    if "maxProperties" in schema:
        inner = schema.get("additionalProperties")
        value = minimal(inner) if isinstance(inner, dict) else {}
        yield "Too many", {f"a{number}": value for number in range(schema["maxProperties"] + 1)}
