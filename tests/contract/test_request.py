"""What a chat-completions body must look like, and what the engine gets of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.contract.policy import make_policy
from fairlead_gateway.contract.request import MAX_DEPTH, prepare_chat

from .support import MINIMAL, OPENAI, SERVED, policy, refusal, request, sent

# vLLM's fields with power over the engine or its other users.
ENGINE_CONTROL = (
    "cache_salt",
    "ec_transfer_params",
    "enable_response_messages",
    "kv_transfer_params",
    "logprob_token_ids",
    "media_io_kwargs",
    "mm_processor_kwargs",
    "previous_input_messages",
    "repetition_detection",
    "return_prompt_text",
    "return_token_ids",
    "routed_experts_prompt_start",
    "session_id",
    "stream_interval",
    "thinking_token_budget",
    "vllm_xargs",
    "watermarking",
)


def refused(body: bytes) -> ApiError:
    with pytest.raises(ApiError) as caught:
        prepare_chat(body, OPENAI)
    return caught.value


def test_a_body_without_anything_to_change_is_forwarded_byte_for_byte() -> None:
    body = b'{ "model":"tiny",  "messages":[{"role":"user","content":"\\u00e4"}], "temperature": 0.50 }'

    assert prepare_chat(body, OPENAI).body == body


def test_top_level_nulls_are_treated_as_absent() -> None:
    assert sent(min_tokens=None, stream=None) == {}


def test_nulls_inside_messages_are_kept() -> None:
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": []}]

    assert json.loads(request(messages=messages, seed=None).body)["messages"] == messages


@pytest.mark.parametrize("name", ENGINE_CONTROL)
def test_engine_internal_fields_never_reach_the_engine(name: str) -> None:
    prepared = request(**{name: 1})

    assert name not in json.loads(prepared.body)
    assert prepared.ignored == (name,)


def test_unknown_fields_are_ignored_and_named() -> None:
    prepared = request(client_metadata={}, another=1)

    assert json.loads(prepared.body) == MINIMAL
    assert prepared.ignored == ("another", "client_metadata")


def test_unknown_fields_are_refused_if_the_deployment_requires_it() -> None:
    error = refusal(make_policy(SERVED, reject_unknown=True), client_metadata={})

    assert (error.code, error.param) == ("unknown_parameter", "client_metadata")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"a": NaN}', b'{"a": "\\ud800"}'])
def test_a_body_that_is_not_a_json_object_is_refused(body: bytes) -> None:
    assert (refused(body).status, refused(body).code) == (400, "invalid_json")


def test_a_json_error_has_its_position() -> None:
    assert "line 2 column 9" in refused(b'{"model":\n"tiny", oops}').message


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 1000, 100_000])
def test_a_deeply_nested_body_is_refused(opening: bytes, depth: int) -> None:
    closing = b"]" if opening == b"[" else b"}"
    body = b'{"x":' + opening * depth + b"1" + closing * depth + b"}"

    assert (refused(body).status, refused(body).code) == (400, "invalid_json")


def test_many_flat_objects_are_accepted() -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "{[" * 100}]}] * 1000

    assert json.loads(request(messages=messages).body)["messages"] == messages


@pytest.mark.parametrize(
    ("changes", "status", "code", "param"),
    [
        ({"model": None}, 400, "missing_required_parameter", "model"),
        ({"model": ""}, 400, "missing_required_parameter", "model"),
        ({"model": 7}, 400, "invalid_type", "model"),
        ({"model": "other"}, 404, "model_not_found", "model"),
        ({"messages": None}, 400, "missing_required_parameter", "messages"),
        ({"messages": []}, 400, "invalid_value", "messages"),
        ({"messages": "hi"}, 400, "invalid_type", "messages"),
        ({"messages": [1]}, 400, "invalid_type", "messages[0]"),
        ({"messages": [{"content": "a"}]}, 400, "missing_required_parameter", "messages[0].role"),
        ({"messages": [{"role": "user"}] * 9000}, 400, "invalid_value", "messages"),
        ({"stream": "yes"}, 400, "invalid_type", "stream"),
    ],
)
def test_an_invalid_field_is_refused_by_name(
    changes: dict[str, Any], status: int, code: str, param: str
) -> None:
    error = refused(json.dumps(MINIMAL | changes).encode())

    assert (error.status, error.code, error.param) == (status, code, param)


@pytest.mark.parametrize("model", SERVED)
def test_every_served_name_is_accepted_and_named_in_the_answer(model: str) -> None:
    assert request(model=model).model == model


@pytest.mark.parametrize("given", [{"model": ""}, {"model": None}])
def test_the_rag_dialect_needs_no_model(given: dict[str, Any]) -> None:
    prepared = request(policy("RAG"), **given)

    assert json.loads(prepared.body)["model"] == prepared.model == SERVED[0]


def test_the_request_log_has_user_chat_id_and_request_id() -> None:
    labels = request(user="u", chat_id="c", request_id="r").labels

    assert labels == {"user": "u", "chat_id": "c", "request_id": "r"}


def test_the_chat_id_is_not_sent_to_the_engine() -> None:
    assert sent(chat_id="c", user="u") == {"user": "u"}


@pytest.mark.parametrize(
    "name",
    ["metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prediction", "verbosity"],
)
def test_parameters_that_matter_only_at_openai_are_ignored_and_named(name: str) -> None:
    values = {"store": True, "metadata": {}, "prediction": {}, "verbosity": "low"}
    prepared = request(**{name: values.get(name, "x")})

    assert json.loads(prepared.body) == MINIMAL
    assert prepared.ignored == (name,)


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"audio": {"voice": "x"}}, "Leave it out"),
        ({"web_search_options": {}}, "Leave it out"),
        ({"functions": []}, "'tools'"),
        ({"function_call": "auto"}, "'tool_choice'"),
        ({"rag_params": {}}, "null"),
    ],
)
def test_unsupported_parameters_that_change_the_answer_are_refused_with_a_remedy(
    changes: dict[str, Any], remedy: str
) -> None:
    error = refusal(**changes)

    assert (error.code, error.param) == ("unsupported_parameter", next(iter(changes)))
    assert remedy in error.message


def test_null_rag_params_are_accepted_as_no_retrieval() -> None:
    assert sent(rag_params=None) == {}
