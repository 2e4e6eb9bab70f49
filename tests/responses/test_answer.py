"""The Response object for a whole chat completion."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairlead_gateway.contract.errors import ApiError
from tests.responses.asking import (
    FUNCTION,
    IG1,
    NOW,
    POLICY,
    TOKEN,
    adapter,
    answer,
    completion,
)
from tests.responses.test_stream import likely

# The keys of the Open Responses schema, by whether they may be null.
NEVER_NULL = (
    "id object created_at status model output tools tool_choice truncation parallel_tool_calls text top_p "
    "presence_penalty frequency_penalty top_logprobs temperature store background service_tier metadata"
)
NULLABLE = (
    "completed_at incomplete_details previous_response_id instructions error reasoning usage "
    "max_output_tokens max_tool_calls safety_identifier prompt_cache_key"
)
# Those of the sample in IG1's document.
IG1_KEYS = (
    "background created_at id incomplete_details input_messages instructions max_output_tokens "
    "max_tool_calls metadata model object output output_messages output_text parallel_tool_calls "
    "previous_response_id prompt reasoning service_tier status temperature text tool_choice tools "
    "top_logprobs top_p truncation usage user"
)


def text_of(response: dict[str, Any]) -> dict[str, Any]:
    part: dict[str, Any] = response["output"][-1]["content"][0]
    return part


def test_a_response_has_every_key_of_the_specification() -> None:
    response = answer(completion())

    assert len(NEVER_NULL.split() + NULLABLE.split()) == 31
    assert response.keys() >= {*NEVER_NULL.split(), *NULLABLE.split()}
    assert [name for name in NEVER_NULL.split() if response[name] is None] == []


def test_a_text_answer_is_one_message_item() -> None:
    response = answer(completion())

    assert (response["id"], response["object"], response["status"]) == (
        f"resp_{TOKEN}",
        "response",
        "completed",
    )
    assert (response["created_at"], response["completed_at"]) == (NOW, NOW)
    assert response["output_text"] == "ab"
    assert response["output"] == [
        {
            "id": f"msg_{TOKEN}00",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "ab", "annotations": [], "logprobs": []}],
        }
    ]


def test_the_ig1_dialect_adds_the_keys_of_its_document() -> None:
    response = answer(completion(), IG1)

    assert response.keys() >= {*IG1_KEYS.split(), *NEVER_NULL.split(), *NULLABLE.split()}
    assert response["output"][0]["phase"] is None
    assert response["usage"] == {
        "input_tokens": 3,
        "input_tokens_details": {
            "cached_tokens": 1,
            "cache_write_tokens": 0,
            "cached_tokens_per_turn": [],
            "input_tokens_per_turn": [],
        },
        "output_tokens": 2,
        "output_tokens_details": {
            "reasoning_tokens": 1,
            "output_tokens_per_turn": [],
            "tool_output_tokens": 0,
            "tool_output_tokens_per_turn": [],
        },
        "total_tokens": 5,
    }


def test_usage_includes_its_details() -> None:
    assert answer(completion())["usage"] == {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 5,
    }


def test_usage_details_that_the_engine_does_not_know_are_zero() -> None:
    engine = json.loads(completion())
    engine["usage"] |= {"prompt_tokens_details": None, "completion_tokens_details": None}
    usage = answer(json.dumps(engine).encode())["usage"]

    assert usage["input_tokens_details"]["cached_tokens"] == 0
    assert usage["output_tokens_details"]["reasoning_tokens"] == 0


@pytest.mark.parametrize(
    "asked",
    [
        {"instructions": "be kind"},
        {"max_output_tokens": 9},
        {"max_tool_calls": 3},
        {"metadata": {"a": "b"}},
        {"parallel_tool_calls": False},
        {"prompt_cache_key": "k"},
        {"reasoning": {"effort": "low", "summary": "auto"}},
        {"safety_identifier": "s"},
        {"temperature": 0.5},
        {"top_p": 0.5},
        {"presence_penalty": 0.5},
        {"frequency_penalty": 0.5},
        {"top_logprobs": 2},
        {"truncation": "auto"},
        {"user": "u"},
        {"tools": [FUNCTION], "tool_choice": "required"},
        {"tools": [FUNCTION], "tool_choice": {"type": "function", "name": "f"}},
        {"text": {"format": {"type": "json_object"}, "verbosity": "low"}},
    ],
    ids=lambda asked: "-".join(asked),
)
def test_the_response_repeats_the_request_parameters(asked: dict[str, Any]) -> None:
    response = answer(completion(), **asked)

    assert {name: response[name] for name in asked} == asked


def test_the_response_repeats_a_schema_with_all_its_keys() -> None:
    wanted = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": None}
    repeated = answer(completion(), text={"format": wanted})["text"]["format"]

    assert repeated == wanted | {"description": None, "strict": False}


def test_the_response_has_store_false_whatever_was_requested() -> None:
    assert answer(completion(), store=True)["store"] is False


def test_the_response_has_the_default_service_tier_whatever_was_requested() -> None:
    assert answer(completion(), service_tier="flex")["service_tier"] == "default"


def test_a_request_id_of_the_client_is_the_id_of_the_response() -> None:
    assert answer(completion(), request_id="mine")["id"] == "mine"


@pytest.mark.parametrize(
    ("finish_reason", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
def test_a_truncated_answer_is_incomplete(finish_reason: str, reason: str) -> None:
    response = answer(completion(finish_reason))

    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert (response["completed_at"], response["output"][0]["status"]) == (None, "incomplete")


def test_reasoning_text_and_calls_are_items_in_this_order() -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
    message = {"content": "a", "reasoning": "why", "tool_calls": [call]}
    output = answer(completion("tool_calls", message))["output"]

    assert [item["type"] for item in output] == ["reasoning", "message", "function_call"]
    assert (output[2]["call_id"], output[2]["name"], output[2]["arguments"]) == ("c", "f", "{}")


@pytest.mark.parametrize("fields", [{"include_reasoning": False}, {"reasoning_content": False}])
def test_reasoning_can_be_omitted(fields: dict[str, Any]) -> None:
    output = answer(completion("stop", {"content": "a", "reasoning": "why"}), **fields)["output"]

    assert [item["type"] for item in output] == ["message"]


def test_an_answer_with_only_calls_has_no_message_item() -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
    output = answer(completion("tool_calls", {"content": None, "tool_calls": [call]}))["output"]

    assert [item["type"] for item in output] == ["function_call"]


def test_an_empty_answer_is_an_empty_message() -> None:
    assert text_of(answer(completion("stop", {"content": None})))["text"] == ""


def test_log_probabilities_are_in_the_text_part_of_the_message() -> None:
    response = answer(completion(logprobs=likely("a", "b", "")), top_logprobs=1)

    assert text_of(response)["logprobs"] == likely("a", "b", "")["content"]


def test_log_probabilities_of_reasoning_are_not_attributed_to_the_text() -> None:
    message = {"content": "ab", "reasoning": "why"}
    response = answer(completion("stop", message, logprobs=likely("<t>", "why", "</t>", "a", "b", "")))

    assert [entry["token"] for entry in text_of(response)["logprobs"]] == ["a", "b"]


def test_log_probabilities_of_the_prompt_have_their_own_key() -> None:
    engine = json.loads(completion()) | {"prompt_logprobs": [None, {"5": {"logprob": -1.0}}]}

    assert (
        answer(json.dumps(engine).encode(), prompt_logprobs=1)["prompt_logprobs"] == engine["prompt_logprobs"]
    )


@pytest.mark.parametrize(
    "engine",
    [
        b"",
        b"[]",
        b"{}",
        b'{"choices":[]}',
        b'{"choices":[{"finish_reason":"stop"}]}',
        b'{"choices":[{"finish_reason":"stop","message":{"content":5}}]}',
        b'{"choices":[{"finish_reason":"stop","message":{"tool_calls":[{}]}}]}',
        completion("abort"),
    ],
)
def test_an_invalid_engine_answer_is_an_engine_error(engine: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        adapter(POLICY).whole(engine)

    assert (caught.value.status, caught.value.code) == (502, "engine_error")
