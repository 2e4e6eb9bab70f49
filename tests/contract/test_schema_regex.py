"""A schema as a regular expression: faithful for what people send, and never a bomb."""

from __future__ import annotations

import re
from typing import Any

import pytest

from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.contract.schema_regex import MAX_REGEX_LENGTH, regex_of_schema

BOOLEAN = {"type": "boolean"}


def nested_arrays(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = BOOLEAN
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


def branching_references(width: int, depth: int) -> dict[str, Any]:
    target = [{"$ref": f"#/$defs/d{level + 1}"} for level in range(depth)]
    levels = {f"d{i}": {"anyOf": [target[i]] * width} for i in range(depth)}
    return {"$defs": levels | {f"d{depth}": BOOLEAN}, "$ref": "#/$defs/d0"}


def test_a_request_with_all_usual_output_constraints_is_accepted() -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
            "inner": {"$ref": "#/$defs/inner"},
        },
        "required": ["name", "tags", "inner"],
        "$defs": {"inner": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}},
    }
    regex = regex_of_schema(schema, "")

    assert re.fullmatch(regex, '{"name":"x","tags":["a","b"],"inner":{"n":-3}}')
    assert not re.fullmatch(regex, '{"name":"x","tags":["c"],"inner":{"n":1}}')


@pytest.mark.parametrize(
    "schema",
    [
        nested_arrays(61),
        branching_references(200, 3),
        {"type": "object", "properties": {f"p{i}": BOOLEAN for i in range(500)}},
        {"anyOf": [{}] * 1000},
        {"type": "object", "properties": {f"p{i}": {"$ref": "#"} for i in range(30)}},
    ],
)
def test_a_small_schema_that_would_need_gigabytes_is_refused_immediately(schema: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match="too large"):
        regex_of_schema(schema, " ?")


def test_constraints_within_the_estimate_compile_to_a_small_size() -> None:
    schema = {"type": "object", "properties": {f"p{i}": BOOLEAN for i in range(40)}}

    assert len(regex_of_schema(schema, "[ \\n]{0,10}")) <= MAX_REGEX_LENGTH
