"""A Responses request as the chat-completions request that the engine gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.responses.fields import PASSED_ON
from fairlead_gateway.responses.request import prepare_responses

SERVED = ("tiny",)
TOOL = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}


def prepare(**fields: Any) -> dict[str, Any]:
    body = json.dumps({"model": "tiny", "input": "hi"} | fields).encode()
    chat: dict[str, Any] = json.loads(prepare_responses(body, SERVED).engine.body)
    return chat


def refusal(**fields: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        prepare(**fields)
    return caught.value


def test_a_string_is_a_user_message() -> None:
    assert prepare(input="hi")["messages"] == [{"role": "user", "content": "hi"}]


def test_items_need_no_type() -> None:
    assert prepare(input=[{"role": "user", "content": "hi"}])["messages"] == [
        {"role": "user", "content": "hi"}
    ]


def test_instructions_and_developer_messages_become_one_system_message() -> None:
    items = [{"role": "developer", "content": "b"}, {"role": "user", "content": "c"}]

    assert prepare(instructions="a", input=items)["messages"] == [
        {"role": "system", "content": "a\n\nb"},
        {"role": "user", "content": "c"},
    ]


def test_text_parts_become_plain_text() -> None:
    content = [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]

    assert prepare(input=[{"role": "user", "content": content}])["messages"][0]["content"] == "ab"


def test_an_image_stays_a_part_beside_the_text() -> None:
    content = [
        {"type": "input_text", "text": "a"},
        {"type": "input_image", "image_url": "data:image/png;base64,x"},
    ]

    assert prepare(input=[{"role": "user", "content": content}])["messages"][0]["content"] == [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,x"}},
    ]


def test_reasoning_and_calls_of_one_turn_become_one_assistant_message() -> None:
    call = {"type": "function_call", "name": "f", "arguments": "{}"}
    items = [
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "why"}]},
        call | {"call_id": "1"},
        call | {"call_id": "2"},
        {"type": "function_call_output", "call_id": "1", "output": "one"},
    ]

    assistant, tool = prepare(input=items)["messages"]
    assert assistant["reasoning"] == "why"
    assert [call["id"] for call in assistant["tool_calls"]] == ["1", "2"]
    assert tool == {"role": "tool", "tool_call_id": "1", "content": "one"}


def test_function_tools_are_nested() -> None:
    function = {name: value for name, value in TOOL.items() if name != "type"}

    assert prepare(tools=[TOOL])["tools"] == [{"type": "function", "function": function}]


def test_a_chosen_function_is_nested() -> None:
    chat = prepare(tools=[TOOL], tool_choice={"type": "function", "name": "f"})

    assert chat["tool_choice"] == {"type": "function", "function": {"name": "f"}}


def test_hosted_tools_are_left_out_and_named() -> None:
    body = json.dumps({"model": "tiny", "input": "hi", "tools": [TOOL, {"type": "web_search"}]}).encode()

    assert prepare_responses(body, SERVED).engine.ignored == ("tools.web_search",)


def test_unknown_fields_are_left_out_and_named() -> None:
    body = json.dumps({"model": "tiny", "input": "hi", "client_metadata": {}, "cache_salt": "x"}).encode()

    assert prepare_responses(body, SERVED).engine.ignored == ("cache_salt", "client_metadata")


def test_a_json_schema_becomes_a_response_format() -> None:
    schema = {"name": "n", "schema": {"type": "object"}, "strict": True}

    assert prepare(text={"format": {"type": "json_schema"} | schema})["response_format"] == {
        "type": "json_schema",
        "json_schema": schema,
    }


@pytest.mark.parametrize("name", ["max_tokens", "max_output_tokens"])
def test_the_output_limit_has_two_names(name: str) -> None:
    assert prepare(**{name: 5})["max_completion_tokens"] == 5


def test_two_different_output_limits_are_refused() -> None:
    assert refusal(max_tokens=5, max_output_tokens=6).param == "max_tokens"


@pytest.mark.parametrize("name", sorted(PASSED_ON - {"model"}))
def test_sampling_parameters_are_passed_on(name: str) -> None:
    assert prepare(**{name: 1})[name] == 1


def test_log_probabilities_are_asked_for_through_include() -> None:
    chat = prepare(include=["message.output_text.logprobs"], top_logprobs=3)

    assert (chat["logprobs"], chat["top_logprobs"]) == (True, 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("previous_response_id", "resp_1"),
        ("conversation", "conv_1"),
        ("prompt", {"id": "p"}),
        ("background", True),
    ],
)
def test_what_needs_a_memory_is_refused_by_name(name: str, value: object) -> None:
    error = refusal(**{name: value})

    assert (error.status, error.code, error.param) == (400, "unsupported_parameter", name)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": []}, "input"),
        ({"input": 5}, "input"),
        ({"input": None}, "input"),
        ({"input": ["x"]}, "input[0]"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0].content[0].type"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input[0].call_id"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": {}}, "tools"),
        ({"text": {"format": {"type": "yaml"}}}, "text.format.type"),
        ({"max_output_tokens": "5"}, "max_output_tokens"),
        ({"truncation": "some"}, "truncation"),
        ({"reasoning": "high"}, "reasoning"),
        ({"instructions": []}, "instructions"),
    ],
)
def test_a_bad_field_is_named(fields: dict[str, Any], param: str) -> None:
    error = refusal(**fields)

    assert (error.status, error.param) == (400, param)
