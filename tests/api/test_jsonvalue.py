"""JSON values against the schemas of parameters: strict types, bounds included, and words for both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fairlead_operator.api.jsonvalue import KEYWORDS, Schema, accepts, describe
from fairlead_operator.api.parameters import DIALECTS

NUMBER: Schema = {"type": "number", "minimum": 0, "maximum": 2}
ABOVE: Schema = {"type": "number", "exclusiveMinimum": 0}
INTEGER: Schema = {"type": "integer", "minimum": -1}
TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": 3}
WORDS: Schema = {"type": "string", "enum": ["low", "high"]}
LIST: Schema = {"type": "array", "items": INTEGER, "minItems": 1, "maxItems": 2}
MAP: Schema = {"type": "object", "additionalProperties": NUMBER}
EITHER: Schema = {"anyOf": [TEXT, LIST]}

# (schema, values that it allows, values that it does not, words)
KINDS: list[tuple[Schema, list[Any], list[Any], str]] = [
    ({"type": "boolean"}, [True, False], [0, 1, None, "true"], "true or false"),
    (NUMBER, [0, 2, 0.5], [-0.1, 2.1, True, "1", None], "a number from 0 to 2"),
    (ABOVE, [0.1, 9], [0, -1], "a number above 0"),
    (INTEGER, [-1, 5], [-2, 1.0, False], "an integer from -1"),
    ({"type": "integer", "maximum": 5}, [5, -9], [6], "an integer up to 5"),
    (TEXT, ["a", "abc"], ["", "abcd", 1], "a string of 1 to 3 characters"),
    (WORDS, ["low"], ["", "LOW"], "one of low, high"),
    (LIST, [[1], [1, 2]], [[], [1, 2, 3], [0.5], "a"], "a list of 1 to 2 items, each an integer from -1"),
    (MAP, [{}, {"5": 1.5}], [{"5": 3}, []], "an object, each value a number from 0 to 2"),
    (
        {**MAP, "propertyNames": {"pattern": "^[0-9]+$"}, "maxProperties": 2},
        [{"5": 1, "60": 1}],
        [{"": 1}, {"a": 1}, {"5\n": 1}, {"-1": 1}, {"1": 1, "2": 1, "3": 1}],
        "an object with names of digits of 0 to 2 entries, each value a number from 0 to 2",
    ),
    ({"type": "object"}, [{"a": []}], [[], "a"], "an object"),
    (
        EITHER,
        ["a", [1]],
        ["", [], 1],
        "a string of 1 to 3 characters or a list of 1 to 2 items, each an integer from -1",
    ),
    ({}, [None, 1, [], {}], [], "any value"),
]


@pytest.mark.parametrize(("schema", "value"), [(kind[0], value) for kind in KINDS for value in kind[1]])
def test_a_value_of_the_kind_is_accepted(schema: Schema, value: Any) -> None:
    assert accepts(schema, value)


@pytest.mark.parametrize(("schema", "value"), [(kind[0], value) for kind in KINDS for value in kind[2]])
def test_any_other_value_is_not(schema: Schema, value: Any) -> None:
    assert not accepts(schema, value)


@pytest.mark.parametrize(("schema", "words"), [(kind[0], kind[3]) for kind in KINDS])
def test_a_kind_is_told_in_words(schema: Schema, words: str) -> None:
    assert describe(schema) == words


def keywords(schema: Schema) -> Iterator[str]:
    yield from schema
    for inner in (schema.get("items"), schema.get("additionalProperties"), *schema.get("anyOf", [])):
        if inner:
            yield from keywords(inner)


def test_the_tables_use_only_what_is_understood() -> None:
    tables = [table for tables in DIALECTS.values() for table in tables.values()]
    used = {word for table in tables for entry in table.values() for word in keywords(entry["schema"])}
    assert used
    assert used <= KEYWORDS
