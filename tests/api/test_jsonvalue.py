"""Schemas of parameters in words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fairlead_operator.api.jsonvalue import KEYWORDS, Schema, describe
from fairlead_operator.api.parameters import TABLES

NUMBER: Schema = {"type": "number", "minimum": 0, "maximum": 2}
ABOVE: Schema = {"type": "number", "exclusiveMinimum": 0}
INTEGER: Schema = {"type": "integer", "minimum": -1}
TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": 3}
WORDS: Schema = {"type": "string", "enum": ["low", "high"]}
LIST: Schema = {"type": "array", "items": INTEGER, "minItems": 1, "maxItems": 2}
MAP: Schema = {"type": "object", "additionalProperties": NUMBER}
EITHER: Schema = {"anyOf": [TEXT, LIST]}

KINDS: list[tuple[Schema, str]] = [
    ({"type": "boolean"}, "true or false"),
    (NUMBER, "a number from 0 to 2"),
    (ABOVE, "a number above 0"),
    (INTEGER, "an integer from -1"),
    ({"type": "integer", "maximum": 5}, "an integer up to 5"),
    (TEXT, "a string of 1 to 3 characters"),
    (WORDS, "one of low, high"),
    (LIST, "a list of 1 to 2 items, each an integer from -1"),
    (MAP, "an object, each value a number from 0 to 2"),
    (
        {**MAP, "propertyNames": {"pattern": "^[0-9]+$"}, "maxProperties": 2},
        "an object with names of digits of 0 to 2 entries, each value a number from 0 to 2",
    ),
    ({"type": "object"}, "an object"),
    (EITHER, "a string of 1 to 3 characters or a list of 1 to 2 items, each an integer from -1"),
    ({}, "any value"),
]


@pytest.mark.parametrize(("schema", "words"), KINDS)
def test_a_schema_is_described_in_words(schema: Schema, words: str) -> None:
    assert describe(schema) == words


def keywords(schema: Schema) -> Iterator[str]:
    yield from schema
    for inner in (schema.get("items"), schema.get("additionalProperties"), *schema.get("anyOf", [])):
        if inner:
            yield from keywords(inner)


def test_the_parameter_tables_use_only_supported_schema_keywords() -> None:
    tables = [table for tables in TABLES.values() for table in tables.values()]
    used = {word for table in tables for entry in table.values() for word in keywords(entry.kind.schema())}
    assert used
    assert used <= KEYWORDS
