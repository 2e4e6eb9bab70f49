"""Structured output: guided_* as vLLM knows it now, and what contradicts itself."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from fairlead_gateway.contract.errors import from_engine

from .support import adapter, policy, refusal, request, sent

SCHEMA = {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}
JSON_FORMAT = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"guided_json": SCHEMA}, {"json": SCHEMA}),
        ({"guided_json": json.dumps(SCHEMA)}, {"json": SCHEMA}),
        ({"guided_regex": "[0-9]+"}, {"regex": "[0-9]+"}),
        ({"guided_choice": ["yes", "no"]}, {"choice": ["yes", "no"]}),
        ({"guided_grammar": 'root ::= "a"'}, {"grammar": 'root ::= "a"'}),
    ],
)
def test_guided_parameters_become_structured_outputs(
    changes: dict[str, Any], constraint: dict[str, Any]
) -> None:
    assert sent(**changes) == {"structured_outputs": constraint}


@pytest.mark.parametrize("text", ["{", "[]", "1", "nope"])
def test_guided_json_other_than_a_schema_is_refused(text: str) -> None:
    assert refusal(guided_json=text).param == "guided_json"


def test_an_empty_guided_choice_is_refused() -> None:
    assert refusal(guided_choice=[]).param == "guided_choice"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"guided_json": SCHEMA}, {"guided_regex": "a"}),
        ({"guided_choice": ["a"]}, {"guided_grammar": "a"}),
        ({"guided_regex": "a"}, {"response_format": JSON_FORMAT}),
        ({"guided_regex": "a"}, {"response_format": {"type": "json_object"}}),
        ({"guided_regex": "a"}, {"structured_outputs": {"regex": "b"}}),
        ({"structured_outputs": {"regex": "b"}}, {"response_format": JSON_FORMAT}),
    ],
)
def test_two_output_constraints_are_refused_with_both_names(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    message = refusal(**first, **second).message

    assert f"'{next(iter(first))}'" in message
    assert f"'{next(iter(second))}'" in message


def test_response_format_text_is_not_an_output_constraint() -> None:
    assert sent(guided_regex="a", response_format={"type": "text"})["structured_outputs"] == {"regex": "a"}


def test_an_empty_response_format_is_ignored() -> None:
    assert sent(response_format={}) == {}


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ({"x": 1}, "response_format.type"),
        ({"type": "xml"}, "response_format.type"),
        ({"type": ["json_object"]}, "response_format.type"),
        ({"type": "json_schema"}, "response_format.json_schema"),
        ({"type": "json_schema", "json_schema": {"name": "x"}}, "response_format.json_schema.schema"),
    ],
)
def test_an_invalid_response_format_is_refused_by_name(value: dict[str, Any], param: str) -> None:
    assert refusal(response_format=value).param == param


def test_a_whitespace_pattern_becomes_part_of_a_regular_expression() -> None:
    regex = sent(guided_json=SCHEMA, guided_whitespace_pattern=" ")["structured_outputs"]["regex"]

    assert re.fullmatch(regex, '{ "a" : true }')
    assert not re.fullmatch(regex, '{"a":true}')


def test_a_whitespace_pattern_alone_is_refused() -> None:
    assert refusal(guided_whitespace_pattern=" ").param == "guided_whitespace_pattern"
    assert refusal(guided_whitespace_pattern=" ", guided_regex="a").param == "guided_whitespace_pattern"


@pytest.mark.parametrize("pattern", ["(", "a{2,1}", " " * 65])
def test_a_bad_whitespace_pattern_is_refused(pattern: str) -> None:
    error = refusal(guided_json=SCHEMA, guided_whitespace_pattern=pattern)

    assert error.param == "guided_whitespace_pattern"


@pytest.mark.parametrize("schema", [{"type": "nope"}, {"$ref": "#/$defs/x"}, {"not": {}}, {"type": 5}])
def test_a_schema_that_cannot_be_expressed_is_refused(schema: dict[str, Any]) -> None:
    error = refusal(guided_json=schema, guided_whitespace_pattern=" ")

    assert (error.param or "").partition(".")[0] == "guided_json"


@pytest.mark.parametrize("configured", ["xgrammar", "auto"])
def test_naming_the_configured_guided_decoding_backend_is_accepted(configured: str) -> None:
    mine = policy(structured_outputs_backend=configured)

    assert sent(mine, guided_decoding_backend=configured) == {}


@pytest.mark.parametrize("wanted", ["outlines", "lm-format-enforcer"])
@pytest.mark.parametrize("configured", ["xgrammar", "auto"])
def test_another_guided_decoding_backend_is_refused_with_the_configured_one(
    configured: str, wanted: str
) -> None:
    error = refusal(policy(structured_outputs_backend=configured), guided_decoding_backend=wanted)

    assert error.param == "guided_decoding_backend"
    assert f"'{configured}'" in error.message


@pytest.mark.parametrize("value", [{}, {"json": {}, "regex": "a"}, {"json": None}])
def test_structured_outputs_with_none_or_several_constraints_is_refused(value: dict[str, Any]) -> None:
    assert refusal(structured_outputs=value).param == "structured_outputs"


@pytest.mark.parametrize("name", ["whitespace_pattern", "backend", "disable_any_whitespace"])
def test_fields_of_structured_outputs_that_the_engine_ignores_are_refused(name: str) -> None:
    error = refusal(structured_outputs={"regex": "a", name: "x"})

    assert error.param == f"structured_outputs.{name}"


def test_engine_errors_name_the_parameter_of_the_client() -> None:
    assert request(guided_regex="a").transform.names["structured_outputs"] == "guided_regex"
    assert request(response_format=JSON_FORMAT).transform.names["structured_outputs"] == "response_format"


FORMS: list[dict[str, Any]] = [
    {"guided_choice": ["a"]},
    {"structured_outputs": {"regex": "a"}},
    {"response_format": JSON_FORMAT},
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "partner",
    [{"ignore_eos": True}, {"min_tokens": 5}, {"allowed_token_ids": [5]}],
    ids=lambda p: next(iter(p)),
)
def test_parameters_that_would_break_the_output_constraint_are_refused_with_both_names(
    form: dict[str, Any], partner: dict[str, Any]
) -> None:
    message = refusal(**form, **partner).message

    assert f"'{next(iter(form))}'" in message
    assert f"'{next(iter(partner))}'" in message


@pytest.mark.parametrize("form", [*FORMS, {"response_format": {"type": "text"}}])
def test_parameters_that_are_off_do_not_conflict_with_an_output_constraint(form: dict[str, Any]) -> None:
    assert request(**form, ignore_eos=False, min_tokens=0)


def test_plain_text_conflicts_with_no_parameter() -> None:
    assert sent(response_format={"type": "text"}, min_tokens=5)["min_tokens"] == 5


@pytest.mark.parametrize("ban", [{"bad_words": ["a"]}, {"logit_bias": {"5": -100}}])
def test_an_engine_error_about_no_valid_token_is_a_contradiction_of_constraints(ban: dict[str, Any]) -> None:
    failed = from_engine(500, {"message": "Internal server error"})
    error = adapter(guided_choice=["a"], **ban).attribute_error(failed)

    assert (error.status, error.param) == (400, next(iter(ban)))
    assert "'guided_choice'" in error.message
    assert adapter(guided_choice=["a"]).attribute_error(failed).status == 500
