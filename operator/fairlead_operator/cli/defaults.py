"""Fills the CRD's defaults in, as the API server does when it stores an object."""

from __future__ import annotations

import copy
from typing import Any

Schema = dict[str, Any]


def fill_defaults(value: Any, schema: Schema) -> Any:
    """A copy of the value with the defaults of its structural schema.

    A null counts as absent in a field of the schema. Values of a wrong type are left as they are, for the
    validation to name.
    """
    if isinstance(value, dict):
        return _object(value, schema)
    if isinstance(value, list) and "items" in schema:
        return [fill_defaults(item, schema["items"]) for item in value]
    return copy.deepcopy(value)


def _object(value: dict[str, Any], schema: Schema) -> dict[str, Any]:
    fields: dict[str, Schema] = schema.get("properties", {})
    filled = {name: item for name, item in value.items() if item is not None or name not in fields}
    for name, field in fields.items():
        if name not in filled and "default" in field:
            filled[name] = field["default"]
    rest = schema.get("additionalProperties") or {}
    return {name: fill_defaults(item, fields.get(name, rest)) for name, item in filled.items()}
