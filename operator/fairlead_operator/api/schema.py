"""Pydantic models to Kubernetes structural schema.

A structural schema is JSON Schema without references, unions and open ends. The generator refuses what it
cannot express instead of leaving it out, so a model that passes means the same on both sides.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

_DROPPED = frozenset({"title", "$defs", "additionalProperties"})
_ORDER = (
    "description",
    "type",
    "format",
    "enum",
    "default",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "maxItems",
    "maxProperties",
    "required",
    "properties",
    "items",
)


def structural_schema(model: type[BaseModel]) -> Schema:
    """The structural schema of a model. Raises ValueError for what such a schema cannot express."""
    raw = model.model_json_schema(by_alias=True)
    return _convert(raw, raw.get("$defs", {}))


def _convert(node: Schema, definitions: dict[str, Schema]) -> Schema:
    node = _inlined(_without_null(_inlined(node, definitions)), definitions)
    int_or_string = node.get("x-kubernetes-int-or-string", False)
    if not int_or_string and ("anyOf" in node or "oneOf" in node or "allOf" in node):
        raise ValueError(f"a structural schema has no unions: {node}")
    out = {key: value for key, value in node.items() if key not in _DROPPED}
    if "description" in out:
        out["description"] = " ".join(out["description"].split())
    if isinstance(node.get("additionalProperties"), dict):
        out["additionalProperties"] = _convert(node["additionalProperties"], definitions)
    if "properties" in out:
        out["properties"] = {key: _convert(value, definitions) for key, value in out["properties"].items()}
    if "items" in out:
        out["items"] = _convert(out["items"], definitions)
    if out.get("type") == "integer":
        out.setdefault("format", "int32")
    # The fields of a default object have defaults of their own; {} lets the API server fill them in.
    if isinstance(out.get("default"), dict):
        out["default"] = {}
    if out.get("default", 0) is None or out.get("default") == []:
        del out["default"]
    return _ordered(out)


def _inlined(node: Schema, definitions: dict[str, Schema]) -> Schema:
    """Replaces a reference by what it refers to; keys beside the reference win (the field's description)."""
    if "$ref" not in node:
        return node
    target = definitions[node["$ref"].rsplit("/", 1)[1]]
    return {**target, **{key: value for key, value in node.items() if key != "$ref"}}


def _without_null(node: Schema) -> Schema:
    """`X or null` becomes X: absent and null mean the same in Kubernetes."""
    options = [option for option in node.get("anyOf", []) if option.get("type") != "null"]
    if len(options) != 1 or len(options) == len(node["anyOf"]):
        return node
    return {**options[0], **{key: value for key, value in node.items() if key != "anyOf"}}


def _ordered(node: Schema) -> Schema:
    first = {key: node[key] for key in _ORDER if key in node}
    return {**first, **{key: value for key, value in node.items() if key not in first}}
