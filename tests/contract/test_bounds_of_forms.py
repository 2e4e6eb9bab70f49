"""What the form of an answer may cost, wherever it is described, and what is copied for each choice."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_contract.parameters.bounds import (
    MAX_COPIED_CHARACTERS,
    MAX_COPIED_FORM_CHARACTERS,
    MAX_FORM_DEPTH,
    MAX_FORM_NESTING,
)
from fairlead_contract.values import Limit, length_of
from fairlead_gateway.contract.policy import make_policy

from .bounds import HUGE, Json, in_form
from .support import SERVED, refusal, request

FORMS = ("response_format", "structured_outputs", "guided_json", "guided_grammar", "tools")
# Nothing but the bound on nesting is in the way.
FREE = make_policy(SERVED, limits={name: Limit(max_length=HUGE, max_states=HUGE) for name in FORMS})


def references(number: int) -> Json:
    """A chain. Each link has one level for the $ref and three for what it leads to."""
    parts = {f"d{i}": {"properties": {"a": {"$ref": f"#/$defs/d{i + 1}"}}} for i in range(number - 1)}
    return {"$ref": "#/$defs/d0", "$defs": parts | {f"d{number - 1}": {"properties": {"a": {}}}}}


@pytest.mark.parametrize("name", ["response_format", "structured_outputs", "guided_json", "tools"])
def test_the_nesting_of_schema_references_is_bounded(name: str) -> None:
    assert request(FREE, **in_form(name, references(MAX_FORM_NESTING // 4)))
    error = refusal(FREE, **in_form(name, references(MAX_FORM_NESTING // 4 + 1)))
    assert str(MAX_FORM_NESTING) in error.message


def test_the_nesting_of_grammar_rules_is_bounded() -> None:
    def rules(number: int) -> str:
        return "\n".join(["start: r1", *(f"r{i}: r{i + 1}" for i in range(1, number))])

    assert request(FREE, guided_grammar=rules(MAX_FORM_NESTING))
    assert str(MAX_FORM_NESTING) in refusal(FREE, guided_grammar=rules(MAX_FORM_NESTING + 1)).message


@pytest.mark.parametrize("extra", [{}, {"guided_whitespace_pattern": " "}])
def test_a_schema_given_as_text_has_the_same_depth_limit(extra: Json) -> None:
    def nested(levels: int) -> str:
        return '{"items":' * (levels - 1) + '{"type":"null"}' + "}" * (levels - 1)

    assert refusal(guided_json=nested(MAX_FORM_DEPTH + 1), **extra).param == "guided_json"
    assert refusal(guided_json=nested(900), **extra).param == "guided_json"
    assert request(guided_json=nested(MAX_FORM_DEPTH))
    assert request(structured_outputs={"json": nested(MAX_FORM_DEPTH)})
    for levels in (MAX_FORM_DEPTH + 1, 300, 1200, 5000):
        assert refusal(structured_outputs={"json": nested(levels)}).param == "structured_outputs.json"


@pytest.mark.parametrize("levels", [300, 1200, 5000])
def test_a_schema_in_a_grammar_has_the_same_depth_limit(levels: int) -> None:
    nested = '{"items":' * levels + "{}" + "}" * levels

    assert refusal(guided_grammar=f"start: %json {nested}").param == "guided_grammar"


@pytest.mark.parametrize("levels", [300, 1200, 5000])
def test_the_depth_of_a_structural_tag_given_as_text_includes_its_schemas(
    levels: int,
) -> None:
    text = '{"triggers": [], "structures": [{"schema": ' + "[" * levels + "]" * levels + "}]}"

    assert refusal(structured_outputs={"structural_tag": text}).param == "structured_outputs.structural_tag"


def test_a_constraint_text_that_is_too_long_is_not_parsed() -> None:
    assert "characters" in refusal(guided_json="[" * 300_000).message
    assert "characters" in refusal(structured_outputs={"json": "[" * 300_000}).message


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("regex", "." * 2000),
        ("grammar", "root ::= " + "." * 2000),
        ("grammar", 'start: %json {"pattern": "' + "." * 2000 + '"}'),
        ("grammar", "start: %json nope"),
        ("choice", ["a" * 80_000]),
        ("json", '{"pattern": "' + "." * 2000 + '"}'),
        ("structural_tag", '{"structures": [{"schema": {"pattern": "' + "." * 2000 + '"}}]}'),
    ],
)
def test_every_kind_of_structured_outputs_is_measured(kind: str, value: Any) -> None:
    assert refusal(structured_outputs={kind: value}).param == f"structured_outputs.{kind}"


def test_the_size_error_names_the_keywords_that_need_the_most_states() -> None:
    error = refusal(guided_json={"properties": {f"a{i}": {"maxLength": 200 + i} for i in range(20)}})

    assert "mostly for minLength and maxLength" in error.message


def tool(**more: Any) -> Json:
    function = {"name": "f", "parameters": {"pattern": "." * 2000}} | more
    return {"type": "function", "function": function}


@pytest.mark.parametrize(
    ("tools", "choice", "refused"),
    [
        ([tool()], "auto", False),
        ([tool()], "none", False),
        ([tool()], "required", True),
        ([tool()], {"type": "function", "function": {"name": "f"}}, True),
        ([tool(), tool(name="g", parameters={})], {"function": {"name": "g"}}, False),
        ([tool(strict=True)], "auto", True),
    ],
)
def test_tool_schemas_are_measured_where_they_become_a_grammar(
    tools: list[Json], choice: Any, refused: bool
) -> None:
    changes = {"tools": tools, "tool_choice": choice}
    if refused:
        assert refusal(**changes).param == "tools"
    else:
        assert request(**changes)


def test_usual_constraints_are_far_below_every_bound() -> None:
    kinds: list[Json] = [
        {"type": "string", "description": "What it is called, in a few words. " * 3},
        {"type": "string", "format": "date-time"},
        {"type": "integer", "minimum": 0, "maximum": 1_000_000},
        {"type": "array", "items": {"type": "string"}, "maxItems": 100},
        {"type": "string", "pattern": r"^[A-Z]{2}\d{4,10}(-[a-z]+)?$"},
        {"anyOf": [{"$ref": "#/$defs/d0"}, {"type": "null"}]},
    ]
    definitions = {
        f"d{place}": {
            "type": "object",
            "properties": {f"field_{place}_{i}": kinds[i % len(kinds)] for i in range(12)},
            "required": [f"field_{place}_{i}" for i in range(0, 12, 2)],
        }
        for place in range(100)
    }
    properties: Json = {name: {"$ref": f"#/$defs/{name}"} for name in definitions}
    properties |= {
        name: {"type": "string", "maxLength": length}
        for name, length in (("title", 120), ("text", 2000), ("state", 2))
    }
    properties["word"] = {"enum": [f"word{i}" for i in range(2000)]}
    schema = {"type": "object", "properties": properties, "$defs": definitions}
    changes = in_form("response_format", schema)

    assert length_of(schema) > 60_000
    assert request(**changes)


def test_a_request_with_many_choices_has_a_lower_size_bound() -> None:
    ids = MAX_COPIED_CHARACTERS // 8 // 128

    assert request(n=128, allowed_token_ids=[7] * ids)
    assert refusal(n=128, allowed_token_ids=[7] * (ids + 1)).param == "n"
    assert request(n=1, allowed_token_ids=[7] * (ids + 1))


def test_best_of_candidates_count_as_copies_and_the_error_names_best_of() -> None:
    assert refusal(best_of=20, allowed_token_ids=[7] * 60_000).param == "best_of"


def test_output_constraints_have_their_own_bound_for_copies() -> None:
    text = "a" * (MAX_COPIED_FORM_CHARACTERS // 64)

    assert request(n=64, guided_regex=text)
    assert refusal(n=65, guided_regex=text).param == "n"
