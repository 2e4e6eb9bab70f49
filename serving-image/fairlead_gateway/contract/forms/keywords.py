"""The table of JSON Schema's keywords (draft 2020-12 and its predecessors): what becomes of each.

A keyword that is not listed has no meaning for JSON Schema either, so it is accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from .backends import Backend

_X, _G, _O, _L = Backend.XGRAMMAR, Backend.GUIDANCE, Backend.OUTLINES, Backend.LM_FORMAT_ENFORCER
_ALL = frozenset(Backend)
_OBJECT, _ARRAY, _STRING = frozenset({"object"}), frozenset({"array"}), frozenset({"string"})
_NUMBER = frozenset({"integer", "number"})


class Role(Enum):
    """How a keyword takes part in a schema."""

    ANNOTATION = "does not restrict the answer"
    LEADER = "decides about the schema, so that backends do not read the keywords beside it"
    TYPE = "says which of the keywords below count"
    RESTRICTION = "restricts values of its types"


@dataclass(frozen=True, slots=True)
class Keyword:
    """One line of the table."""

    role: Role
    types: frozenset[str] = frozenset()
    """The types of values that it restricts; none for one that restricts all."""
    gaps: frozenset[Backend] = frozenset()
    """The backends that do not enforce it: they ignore it, refuse it or fail."""
    instead: str = ""
    """The remedy where it is not enforced."""


def _restricts(types: frozenset[str], instead: str = "", *gaps: Backend) -> Keyword:
    return Keyword(Role.RESTRICTION, types, frozenset(gaps), instead)


def _never(instead: str, types: frozenset[str] = frozenset()) -> Keyword:
    return Keyword(Role.RESTRICTION, types, _ALL, instead)


_LIST = "Write 'anyOf' with one schema for each case."
_CHECK = "Leave it out and check the answer, or say it in the 'description'."
_PLAIN = "Write '$ref' with the path of a schema under '$defs'."
_RANGE = (_CHECK, _O, _L)
_ANNOTATION = Keyword(Role.ANNOTATION)

KEYWORDS: Mapping[str, Keyword] = MappingProxyType(
    {
        # What decides about a schema, in the order in which backends look for it.
        "$ref": Keyword(Role.LEADER),
        "const": Keyword(Role.LEADER),
        "enum": Keyword(Role.LEADER),
        "anyOf": Keyword(Role.LEADER),
        # Enforced where no two branches fit the same value; else it is read as anyOf (`disjoint`).
        "oneOf": Keyword(Role.LEADER),
        # Enforced with one branch (`reading`).
        "allOf": Keyword(Role.LEADER),
        "type": Keyword(Role.TYPE),
        # What no backend enforces. xgrammar ignores it silently, llguidance refuses it.
        "not": _never("Describe what is allowed instead."),
        "if": _never(_LIST),
        "dependentRequired": _never(_LIST, _OBJECT),
        "dependentSchemas": _never(_LIST, _OBJECT),
        "dependencies": _never(_LIST, _OBJECT),
        "$dynamicRef": _never(_PLAIN),
        "$recursiveRef": _never(_PLAIN),
        # Without `if` they restrict nothing.
        "then": _ANNOTATION,
        "else": _ANNOTATION,
        # Objects.
        "properties": _restricts(_OBJECT),
        # Names that are not in `properties` are not enforced (`objects`).
        "required": _restricts(_OBJECT),
        "additionalProperties": _restricts(_OBJECT),
        "patternProperties": _restricts(_OBJECT, "Write 'additionalProperties'.", _O, _L),
        "propertyNames": _restricts(_OBJECT, "Write 'properties'.", _G, _O, _L),
        "minProperties": _restricts(_OBJECT, "Write 'required'.", _O, _L),
        "maxProperties": _restricts(_OBJECT, "Write 'properties'.", _O, _L),
        "unevaluatedProperties": _restricts(_OBJECT, "Write 'additionalProperties'.", _G),
        # Arrays.
        "items": _restricts(_ARRAY),
        "prefixItems": _restricts(_ARRAY, "Write 'items'.", _L),
        "minItems": _restricts(_ARRAY),
        "maxItems": _restricts(_ARRAY),
        "additionalItems": _restricts(_ARRAY),
        "unevaluatedItems": _restricts(_ARRAY, "Write 'items'.", _G, _L),
        "uniqueItems": _never(_CHECK, _ARRAY),
        "contains": _never(_CHECK, _ARRAY),
        "minContains": _never(_CHECK, _ARRAY),
        "maxContains": _never(_CHECK, _ARRAY),
        # Numbers.
        "minimum": _restricts(_NUMBER, *_RANGE),
        "maximum": _restricts(_NUMBER, *_RANGE),
        "exclusiveMinimum": _restricts(_NUMBER, *_RANGE),
        "exclusiveMaximum": _restricts(_NUMBER, *_RANGE),
        "multipleOf": _restricts(_NUMBER, _CHECK, _X, _O, _L),
        # Strings.
        "minLength": _restricts(_STRING),
        "maxLength": _restricts(_STRING),
        "pattern": _restricts(_STRING),
        # An annotation in JSON Schema. Beside `type` backends enforce those they know and refuse others.
        "format": _ANNOTATION,
        "contentEncoding": _ANNOTATION,
        "contentMediaType": _ANNOTATION,
        "contentSchema": _ANNOTATION,
        # Annotations of the schema.
        **dict.fromkeys(
            (
                "$schema",
                "$id",
                "$anchor",
                "$dynamicAnchor",
                "$recursiveAnchor",
                "$vocabulary",
                "$comment",
                "$defs",
                "definitions",
                "title",
                "description",
                "default",
                "deprecated",
                "readOnly",
                "writeOnly",
                "examples",
                "nullable",
                "discriminator",
            ),
            _ANNOTATION,
        ),
    }
)
LEADERS = tuple(name for name, keyword in KEYWORDS.items() if keyword.role is Role.LEADER)
RESTRICTIONS = frozenset(name for name, keyword in KEYWORDS.items() if keyword.role is Role.RESTRICTION)
# Formats that xgrammar knows; vLLM refuses any other beside "type": "string".
FORMATS = frozenset(
    {
        "date",
        "date-time",
        "duration",
        "email",
        "hostname",
        "ipv4",
        "ipv6",
        "json-pointer",
        "relative-json-pointer",
        "time",
        "uri",
        "uri-reference",
        "uri-template",
        "uuid",
    }
)
