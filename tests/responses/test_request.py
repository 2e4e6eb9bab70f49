"""A Responses request as the chat-completions request that the engine gets; input and tools apart."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairlead_contract.values import Limit
from fairlead_gateway.contract.errors import from_engine, invalid
from fairlead_gateway.contract.policy import EngineFacts, make_policy
from tests.responses.asking import POLICY, REJECTING, adapter, answer, chat, completion, refusal

# IG1's parameters that a chat request has under the same name, with a value that is valid for each.
SAME_IN_BOTH = {
    "allowed_token_ids": [1, 2],
    "bad_words": ["x"],
    "ignore_eos": True,
    "include_stop_str_in_output": True,
    "min_p": 0.5,
    "min_tokens": 2,
    "prompt_logprobs": 1,
    "repetition_penalty": 1.5,
    "skip_special_tokens": False,
    "spaces_between_special_tokens": False,
    "stop_token_ids": [3],
    "temperature": 0.5,
    "top_k": 5,
    "top_p": 0.5,
    "truncate_prompt_tokens": 9,
}
SCHEMA = {"name": "n", "schema": {"type": "object"}, "strict": True}


@pytest.mark.parametrize("name", sorted(SAME_IN_BOTH))
def test_a_parameter_with_the_same_name_and_meaning_is_passed_on(name: str) -> None:
    assert chat(**{name: SAME_IN_BOTH[name]})[name] == SAME_IN_BOTH[name]


def test_beam_search_has_several_beams_of_which_the_best_is_the_answer() -> None:
    asked = chat(use_beam_search=True, length_penalty=2.0)
    best = {"index": 0, "message": {"content": "best"}, "finish_reason": "stop"}
    other = best | {"index": 1, "message": {"content": "other"}}
    engine = json.dumps({"choices": [best, other]}).encode()

    assert (asked["n"] > 1, asked["length_penalty"]) == (True, 2.0)
    assert answer(engine, use_beam_search=True)["output_text"] == "best"


@pytest.mark.parametrize("name", ["max_tokens", "max_output_tokens"])
def test_the_output_limit_is_accepted_under_two_names(name: str) -> None:
    assert chat(**{name: 5})["max_tokens"] == 5


def test_two_different_output_limits_are_refused() -> None:
    assert refusal(max_tokens=5, max_output_tokens=6).param == "max_tokens"


def test_a_deployments_limit_applies_to_max_output_tokens() -> None:
    policy = make_policy(("tiny",), limits={"max_tokens": Limit(maximum=10)})

    assert chat(policy)["max_tokens"] == 10
    assert refusal(policy, max_output_tokens=11).param == "max_output_tokens"


def test_a_deployments_default_is_applied_and_shown_in_the_response() -> None:
    policy = make_policy(("tiny",), defaults={"temperature": 0.25})

    assert chat(policy)["temperature"] == 0.25
    assert answer(completion(), policy)["temperature"] == 0.25


def test_a_stream_is_requested_with_usage() -> None:
    asked = chat(stream=True)

    assert (asked["stream"], asked["stream_options"]) == (True, {"include_usage": True})


def test_log_probabilities_are_requested_through_include() -> None:
    asked = chat(include=["message.output_text.logprobs"], top_logprobs=3)

    assert (asked["logprobs"], asked["top_logprobs"]) == (True, 3)


def test_top_logprobs_alone_requests_log_probabilities() -> None:
    assert chat(top_logprobs=3)["logprobs"] is True


def test_a_json_schema_becomes_a_response_format() -> None:
    asked = chat(text={"format": {"type": "json_schema"} | SCHEMA})

    assert asked["response_format"] == {"type": "json_schema", "json_schema": SCHEMA}


def test_json_without_a_schema_becomes_a_response_format() -> None:
    assert chat(text={"format": {"type": "json_object"}})["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize("text", [{}, {"format": {"type": "text"}}, {"verbosity": "low"}])
def test_a_text_format_of_type_text_sends_no_response_format(text: dict[str, Any]) -> None:
    assert "response_format" not in chat(text=text)


def test_the_reasoning_effort_is_passed_on() -> None:
    assert chat(reasoning={"effort": "low", "summary": "auto"})["reasoning_effort"] == "low"


@pytest.mark.parametrize(
    ("fields", "tokens"),
    [({}, 1024 - 128), ({"max_output_tokens": 9}, 1024 - 9), ({"max_output_tokens": 1000}, 1024 - 128)],
)
def test_truncation_leaves_room_for_the_answer(fields: dict[str, Any], tokens: int) -> None:
    assert chat(truncation="auto", **fields)["truncate_prompt_tokens"] == tokens


def test_without_a_known_context_truncation_is_left_to_the_engine() -> None:
    policy = make_policy(("tiny",), engine=EngineFacts(context_length=None))

    assert chat(policy, truncation="auto", max_output_tokens=9)["truncate_prompt_tokens"] == -1
    assert "truncate_prompt_tokens" not in chat(policy, truncation="auto")


def test_truncate_prompt_tokens_overrides_truncation_auto() -> None:
    assert chat(truncation="auto", truncate_prompt_tokens=3)["truncate_prompt_tokens"] == 3


def test_null_parameters_are_treated_as_absent() -> None:
    assert chat(temperature=None, tools=None, text=None, previous_response_id=None).keys() == chat().keys()


def test_parameters_without_effect_are_named() -> None:
    engine = adapter(
        client_metadata={},
        cache_salt="x",
        include=["reasoning.encrypted_content"],
        reasoning={"summary": "auto", "max_tokens": 100},
        text={"verbosity": "low", "response_format": {"type": "json_object"}, "unset": None},
        store=True,
    ).engine

    assert engine.ignored == (
        *("cache_salt", "client_metadata", "include.reasoning.encrypted_content"),
        *("reasoning.max_tokens", "reasoning.summary", "store", "text.response_format", "text.verbosity"),
    )
    assert not {"client_metadata", "cache_salt", "store"} & json.loads(engine.body).keys()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"client_metadata": {}}, "client_metadata"),
        ({"include": ["x"]}, "include"),
        ({"text": {"response_format": {}}}, "text.response_format"),
        ({"reasoning": {"max_tokens": 100}}, "reasoning.max_tokens"),
    ],
)
def test_unknown_parameters_can_be_refused(fields: dict[str, Any], param: str) -> None:
    assert refusal(REJECTING, **fields).param == param


def test_labels_for_the_request_log_are_kept() -> None:
    assert adapter(user="u").engine.labels["user"] == "u"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("previous_response_id", "resp_1"),
        ("conversation", "conv_1"),
        ("conversation", {"id": "conv_1"}),
        ("prompt", {"id": "p"}),
        ("background", True),
    ],
)
def test_parameters_that_need_stored_state_are_refused_by_name(name: str, value: object) -> None:
    error = refusal(**{name: value})

    assert (error.status, error.code, error.param) == (400, "unsupported_parameter", name)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": ""}, "model"),
        ({"model": "other"}, "model"),
        ({"text": {"format": {"type": "yaml"}}}, "text.format.type"),
        ({"text": {"format": "json"}}, "text.format"),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"text": {"format": {"type": "json_schema", "name": 5, "schema": {}}}}, "text.format.name"),
        ({"text": {"format": {"type": "json_schema", "json_schema": SCHEMA}}}, "text.format.json_schema"),
        ({"text": "json"}, "text"),
        ({"max_output_tokens": "5"}, "max_output_tokens"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"truncation": "some"}, "truncation"),
        ({"reasoning": "high"}, "reasoning"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"instructions": []}, "instructions"),
        ({"include": "x"}, "include"),
        ({"temperature": 3}, "temperature"),
        ({"stream": "yes"}, "stream"),
        ({"n": 2}, "n"),
        ({"best_of": 2}, "best_of"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"max_completion_tokens": 5}, "max_completion_tokens"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"a": 5}}, "metadata.a"),
        ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
        ({"text": {"verbosity": "loud"}}, "text.verbosity"),
        ({"reasoning": {"summary": "long"}}, "reasoning.summary"),
        ({"guided_choice": ["a"], "text": {"format": {"type": "json_object"}}}, "guided_choice"),
        ({"stream": True, "prompt_logprobs": 1}, "prompt_logprobs"),
        ({"priority": 1}, "priority"),
        ({"chat_template": "x"}, "chat_template"),
        ({"use_beam_search": True, "top_k": 5}, "top_k"),
    ],
)
def test_an_invalid_field_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    error = refusal(**fields)

    assert error.param == param
    assert error.status == (404 if fields == {"model": "other"} else 400)


@pytest.mark.parametrize(
    ("engine_says", "client_hears"),
    [
        ("messages", "input"),
        ("messages[1].content", "input[0].content"),
        ("max_tokens", "max_output_tokens"),
        ("response_format.json_schema.schema", "text.format.schema"),
        ("temperature", "temperature"),
    ],
)
def test_an_engine_error_has_the_clients_parameter_names(engine_says: str, client_hears: str) -> None:
    sent = {"max_output_tokens": 5, "temperature": 1, "text": {"format": {"type": "json_object"}}}
    asked = adapter(instructions="a", input=[{"role": "user", "content": "b"}], **sent)
    error = asked.attribute_error(invalid(f"'{engine_says}' is wrong.", engine_says))

    assert (error.param, error.message) == (client_hears, f"'{client_hears}' is wrong.")


def test_every_parameter_in_an_error_message_has_the_clients_name() -> None:
    conflict = refusal(guided_choice=["a"], text={"format": {"type": "json_object"}}).message
    truncation = refusal(truncate_prompt_tokens=-1).message

    assert "'text.format'" in conflict
    assert "response_format" not in conflict
    assert "needs 'max_output_tokens'," in truncation


def test_errors_name_the_output_limit_as_the_client_did() -> None:
    error = from_engine(400, {"message": "max_tokens=9 is too much", "param": "max_tokens"})

    assert adapter(POLICY, max_tokens=9).attribute_error(error).param == "max_tokens"
    assert (
        adapter(POLICY, max_output_tokens=9).attribute_error(error).message
        == "max_output_tokens=9 is too much"
    )


def test_an_engines_late_error_names_the_parameter_that_its_text_begins_with() -> None:
    late = from_engine(400, {"message": "min_tokens must be less than or equal to max_tokens=8, got 9."})
    assert adapter(min_tokens=9, max_output_tokens=8).attribute_error(late).param == "min_tokens"
