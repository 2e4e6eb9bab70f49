"""Pydantic annotations that carry what a Kubernetes structural schema has and JSON Schema has not.

A marker changes only the generated schema. Values read from the API server are not checked against it again:
the server did that, and a rule tightened by a newer release must not make stored objects unreadable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

Schema = dict[str, Any]


# Reasons of a refusal in the API server's answer; FieldValueInvalid if a rule names none. There is one more,
# FieldValueDuplicate, with which the API server leaves the message of the rule out.
FORBIDDEN, REQUIRED = "FieldValueForbidden", "FieldValueRequired"


def rule(expression: str, message: str, *, at: str = "", reason: str = "") -> Schema:
    """One CEL validation rule; the message names the field and the remedy.

    `at` is the path of the field, such as `.cache.size`, below the value that has the rule: the API server
    gives it to programs as the field of the cause. It cannot lead into a list.
    """
    more = {"reason": reason} if reason else {}
    return {"rule": expression, "message": message, **({"fieldPath": at} if at else {}), **more}


@dataclass(frozen=True)
class Extra:
    """Adds the given keys to the schema of the annotated value."""

    keys: tuple[tuple[str, Any], ...]

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        return {**handler(core_schema), **dict(self.keys)}


def validations(*rules: Schema) -> Extra:
    """CEL rules on the annotated value itself."""
    return Extra((("x-kubernetes-validations", list(rules)),))


def length(low: int, high: int) -> Extra:
    """Bounds of a string, in characters."""
    return Extra((("minLength", low), ("maxLength", high)))


def items(high: int, kind: str = "atomic", key: str | None = None) -> Extra:
    """A list of at most `high` items; `kind` is how server-side apply merges it (atomic, set, map by
    `key`).
    """
    keys: list[tuple[str, Any]] = [("maxItems", high), ("x-kubernetes-list-type", kind)]
    if key:
        keys.append(("x-kubernetes-list-map-keys", [key]))
    return Extra(tuple(keys))


def properties(high: int) -> Extra:
    """A map of at most `high` entries. CEL needs such bounds to estimate the cost of a rule."""
    return Extra((("maxProperties", high),))
