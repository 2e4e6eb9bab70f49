"""Types and ranges: a wrong value is a 400 that names field, remedy and what it got."""

from __future__ import annotations

from typing import Any

import pytest

from .support import policy, refusal, sent


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"temperature": 3}, "temperature", "invalid_value"),
        ({"temperature": -0.1}, "temperature", "invalid_value"),
        ({"temperature": "0.5"}, "temperature", "invalid_type"),
        ({"temperature": True}, "temperature", "invalid_type"),
        ({"max_tokens": 0}, "max_tokens", "invalid_value"),
        ({"max_tokens": 1.5}, "max_tokens", "invalid_type"),
        ({"max_tokens": 2.0}, "max_tokens", "invalid_type"),
        ({"max_tokens": True}, "max_tokens", "invalid_type"),
        ({"max_tokens": 10**30}, "max_tokens", "invalid_type"),
        ({"repetition_penalty": 0}, "repetition_penalty", "invalid_value"),
        ({"repetition_penalty": "1e999"}, "repetition_penalty", "invalid_type"),
        ({"n": 129}, "n", "invalid_value"),
        ({"stop": ""}, "stop", "invalid_value"),
        ({"stop": ["a", ""]}, "stop[1]", "invalid_value"),
        ({"stop": ["a"] * 5}, "stop", "invalid_value"),
        ({"stop": [1]}, "stop[0]", "invalid_type"),
        ({"stop": 1}, "stop", "invalid_type"),
        ({"stop_token_ids": [-1]}, "stop_token_ids[0]", "invalid_value"),
        ({"stop_token_ids": [True]}, "stop_token_ids[0]", "invalid_type"),
        ({"allowed_token_ids": []}, "allowed_token_ids", "invalid_value"),
        ({"bad_words": [""]}, "bad_words[0]", "invalid_value"),
        ({"bad_words": ["a"] * 129}, "bad_words", "invalid_value"),
        ({"logit_bias": {"x": 1}}, "logit_bias", "invalid_value"),
        ({"logit_bias": {"5": 101}}, "logit_bias.5", "invalid_value"),
        ({"logit_bias": {str(i): 1 for i in range(2000)}}, "logit_bias", "invalid_value"),
        ({"logit_bias": []}, "logit_bias", "invalid_type"),
        ({"ignore_eos": 1}, "ignore_eos", "invalid_type"),
        ({"truncation_side": "up"}, "truncation_side", "invalid_value"),
        ({"modalities": ["audio"]}, "modalities[0]", "invalid_value"),
        ({"reasoning_effort": "huge"}, "reasoning_effort", "invalid_value"),
        ({"tools": [{}] * 129}, "tools", "invalid_value"),
    ],
)
def test_an_invalid_value_is_refused_by_name(changes: dict[str, Any], param: str, code: str) -> None:
    error = refusal(**changes)

    assert (error.param, error.code) == (param, code)
    assert f"'{param}'" in error.message


def test_an_invalid_value_message_has_the_allowed_and_the_given_value() -> None:
    assert refusal(temperature=3).message == "'temperature' must be a number between 0 and 2 (got 3)."


def test_a_long_value_is_cut_in_the_error_message() -> None:
    assert len(refusal(temperature="x" * 10_000).message) < 200


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature": 1},
        {"temperature": 0.0},
        {"presence_penalty": -2},
        {"top_k": -1},
        {"stop": "a"},
        {"stop": []},
        {"logit_bias": {"5": -100}},
        {"seed": -(2**63)},
        {"repetition_penalty": 0.5},
        {"bad_words": []},
    ],
)
def test_parameters_that_the_engine_supports_are_passed_on(changes: dict[str, Any]) -> None:
    assert sent(**changes) == changes


@pytest.mark.parametrize(
    ("dialect", "changes"),
    [
        ("PolarGrid", {"max_tokens": 4097}),
        ("RAG", {"temperature": 0.0005}),
        ("RAG", {"top_p": 0}),
        ("RAG", {"stop": []}),
        ("RAG", {"tools": []}),
        ("IOIntelligence", {"top_logprobs": 21, "logprobs": True}),
    ],
)
def test_a_dialect_enforces_the_ranges_of_its_document(dialect: str, changes: dict[str, Any]) -> None:
    assert refusal(policy(dialect), **changes).param == next(iter(changes))


@pytest.mark.parametrize("dialect", ["OpenAI", "IG1", "IOIntelligence", "PolarGrid", "RAG"])
def test_every_dialect_accepts_parameters_of_other_dialects(dialect: str) -> None:
    changes = {"guided_regex": "a", "bad_words": ["x"], "max_completion_tokens": 5, "reasoning_effort": "low"}

    assert sent(policy(dialect), **changes)["structured_outputs"] == {"regex": "a"}
