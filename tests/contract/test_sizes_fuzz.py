"""Whatever stands in a form: it is measured, never refused for its shape, and more of it is never smaller."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead_contract.values import length_of
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.contract.forms import Backend, fault_in_schema
from fairlead_gateway.contract.forms.keywords import KEYWORDS as KEYWORDS_OF_SCHEMAS
from fairlead_gateway.contract.request import prepare_chat
from fairlead_gateway.contract.sizes import Size, size_of_schema
from fairlead_gateway.contract.sizes.grammar import size_of_grammar
from fairlead_gateway.contract.sizes.regex import size_of_regex

from .support import MINIMAL, OPENAI

SYNTAX = st.sampled_from([*"()[]{}*+?|.^$\\-,:\"'/#~ \n", "{2}", "{1,3}", "[^", "::=", "a", "\\S", "(?:"])
EXPRESSIONS = st.lists(SYNTAX | st.text(max_size=3), max_size=40).map("".join)
WORDS = """schema grammar a"""
KEYWORDS = st.sampled_from([*KEYWORDS_OF_SCHEMAS, *WORDS.split()])
TYPES = st.sampled_from([*["null", "boolean", "integer", "number", "string", "object", "array"], "any"])
SCALARS = TYPES | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | EXPRESSIONS
POINTERS = st.sampled_from(["#", "#/", "#/$defs/a", "#/$defs", "#/items/0", "#/%", "#a", "/~1~0", "x#/a"])
SCHEMAS = st.recursive(
    SCALARS | POINTERS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYWORDS | st.text(), inner, max_size=5),
    max_leaves=30,
)


def check(size: Size) -> None:
    assert size.states >= 0
    assert size.nesting >= 0
    assert all(states >= 0 for states in size.causes.values())


@settings(max_examples=500, deadline=None)
@given(EXPRESSIONS)
def test_any_text_can_be_measured_as_regex_and_as_grammar(text: str) -> None:
    check(size_of_regex(text))
    check(size_of_grammar(text))


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS, st.integers(1, 5))
def test_more_repetitions_never_reduce_the_size_estimate(text: str, times: int) -> None:
    once, often = size_of_regex(f"(?:{text}){{1}}"), size_of_regex(f"(?:{text}){{{times}}}")

    assert often.states >= once.states


@settings(max_examples=500, deadline=None)
@given(SCHEMAS)
def test_any_json_can_be_measured_as_a_schema(document: Any) -> None:
    size = size_of_schema(document)

    check(size)
    assert size.length <= length_of(document)
    # Within something larger, nothing of it is lost.
    larger = size_of_schema({"anyOf": [document]})
    assert larger.values == size.values + 2
    assert larger.states >= size.states


@settings(max_examples=500, deadline=None)
@given(SCHEMAS, st.sampled_from(Backend))
def test_any_json_schema_is_accepted_or_gets_an_error_without_an_exception(
    document: Any, backend: Backend
) -> None:
    fault = fault_in_schema(document, backend)

    assert fault is None or fault.why.endswith(".")


FORMS = st.one_of(
    st.fixed_dictionaries({"guided_regex": EXPRESSIONS}),
    st.fixed_dictionaries({"guided_grammar": EXPRESSIONS}),
    st.fixed_dictionaries({"guided_json": SCHEMAS}),
    st.fixed_dictionaries({"guided_json": SCHEMAS.map(json.dumps)}),
    st.fixed_dictionaries({"guided_choice": st.lists(st.text())}),
    st.fixed_dictionaries(
        {
            "structured_outputs": st.dictionaries(
                st.sampled_from(["json", "regex", "choice", "grammar", "json_object", "structural_tag"]),
                SCHEMAS | SCHEMAS.map(json.dumps),
                max_size=1,
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "response_format": st.fixed_dictionaries(
                {"type": st.just("json_schema"), "json_schema": st.fixed_dictionaries({"schema": SCHEMAS})}
            )
            | st.fixed_dictionaries({"type": st.just("structural_tag"), "structures": SCHEMAS})
        }
    ),
    st.fixed_dictionaries(
        {
            "tools": st.lists(
                st.fixed_dictionaries(
                    {"function": st.fixed_dictionaries({"name": st.just("f"), "parameters": SCHEMAS})}
                ),
                max_size=3,
            ),
            "tool_choice": st.sampled_from(["required", "auto"]) | SCHEMAS,
        }
    ),
)


@settings(max_examples=800, deadline=None)
@given(FORMS, st.integers(1, 128))
def test_any_output_constraint_is_accepted_or_a_400(form: dict[str, Any], n: int) -> None:
    try:
        prepared = prepare_chat(json.dumps(MINIMAL | form | {"n": n}).encode(), OPENAI)
    except ApiError as error:
        assert (error.status, bool(error.body())) == (400, True)  # noqa: PT017 (either outcome is fine)
    else:
        assert json.loads(prepared.body)
