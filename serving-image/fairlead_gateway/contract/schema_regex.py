"""A JSON schema as a regular expression, so that the whitespace between its tokens can be chosen.

No structured-output backend of vLLM 0.32 reads a whitespace pattern, but all follow a regular expression. The
expression repeats parts of the schema (an array's items twice, optional properties by their number), so a
small schema can need gigabytes: its size is estimated before it is built.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

import orjson

from .errors import invalid

MAX_PATTERN_LENGTH = 64
MAX_PARTS = 4000
MAX_REGEX_LENGTH = 262_144
# outlines-core follows references this deep.
_MAX_REFERENCES = 3
# What "any JSON" costs, in parts.
_ANYTHING = 100
_GROUPS = ("anyOf", "oneOf", "allOf", "prefixItems")


class _TooLargeError(Exception):
    pass


class _Estimate:
    """Counts the parts that the expression of a schema has."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._parts = 0

    def add(self, schema: Any, copies: int = 1, references: int = 0) -> None:
        """Counts a schema that the expression has `copies` times."""
        if not isinstance(schema, dict):
            return
        self._parts += copies
        if self._parts > MAX_PARTS:
            raise _TooLargeError
        reference = schema.get("$ref")
        if isinstance(reference, str) and references <= _MAX_REFERENCES:
            self.add(self._target(reference), copies, references + 1)
        for group in _GROUPS:
            members = schema.get(group)
            for member in members if isinstance(members, list) else []:
                self.add(member, copies, references)
        self._add_object(schema, copies, references)
        if "items" in schema:
            self.add(schema["items"], copies * 2, references)
        elif not schema.keys() & {"$ref", "properties", "enum", "const", *_GROUPS} and not _scalar(schema):
            self._parts += copies * _ANYTHING

    def _add_object(self, schema: dict[str, Any], copies: int, references: int) -> None:
        properties = schema.get("properties")
        if isinstance(properties, dict):
            required = schema.get("required")
            optional = len(properties) > (len(required) if isinstance(required, list) else 0)
            for member in properties.values():
                self.add(member, copies * (len(properties) + 1 if optional else 1), references)
        if isinstance(schema.get("additionalProperties"), dict):
            self.add(schema["additionalProperties"], copies * 2, references)

    def _target(self, reference: str) -> Any:
        target: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            target = target.get(step) if isinstance(target, dict) and step else target
        return target


def _scalar(schema: dict[str, Any]) -> bool:
    return schema.get("type") in ("string", "number", "integer", "boolean", "null")


def regex_of_schema(schema: dict[str, Any], whitespace: str) -> str:
    """The expression that texts of the schema match, with `whitespace` between their tokens.

    Raises a 400 for a pattern that is none, and for a schema that cannot be expressed or not in a sane size.
    """
    # Only this rule needs it, and few deployments the rule.
    from outlines_core.json_schema import build_regex_from_schema  # type: ignore[import-untyped]

    _check_pattern(whitespace)
    try:
        _Estimate(schema).add(schema)
    except _TooLargeError:
        raise invalid(_TOO_LARGE, "guided_json") from None
    try:
        regex: str = build_regex_from_schema(orjson.dumps(schema).decode(), whitespace)
    except ValueError as error:
        message = f"'guided_json' cannot be used with 'guided_whitespace_pattern': {error}"
        raise invalid(message, "guided_json") from None
    if len(regex) > MAX_REGEX_LENGTH:
        raise invalid(_TOO_LARGE, "guided_json")
    return regex


_TOO_LARGE = "'guided_json' is too large for 'guided_whitespace_pattern'. Leave the pattern out."


def _check_pattern(pattern: str) -> None:
    name = "guided_whitespace_pattern"
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise invalid(f"'{name}' must have at most {MAX_PATTERN_LENGTH} characters.", name)
    try:
        with warnings.catch_warnings():
            # Python warns of what other dialects read differently; the engine decides.
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise invalid(f"'{name}' must be a regular expression: {error}.", name) from None
