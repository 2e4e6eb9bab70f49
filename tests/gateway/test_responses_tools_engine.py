"""Tools of the Responses API through the gateway, with the official client and a real vLLM."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai import OpenAI
from openai.types.responses import (
    FunctionToolParam,
    Response,
    ResponseFunctionToolCall,
)

from tests.effects import vocabulary
from tests.gateway.test_responses_engine import input_tokens

pytestmark = pytest.mark.engine

TOOL: FunctionToolParam = {
    "type": "function",
    "name": "pick",
    "parameters": {
        "type": "object",
        "properties": {"color": {"enum": ["red", "blue"]}},
        "required": ["color"],
        "additionalProperties": False,
    },
    "strict": True,
}
OTHER_TOOL: FunctionToolParam = {**TOOL, "name": "other"}
ENDING: dict[str, Any] = {"allowed_token_ids": [vocabulary.TURN_END_ID]}


def without_blanks() -> dict[str, Any]:
    # Schemas of tools leave room for whitespace, which a random model would fill to the end.
    return {"logit_bias": vocabulary.no_blanks()}


def test_the_function_named_in_tool_choice_is_called(client: OpenAI) -> None:
    response = client.responses.create(
        model="tiny",
        input="hello",
        tools=[OTHER_TOOL, TOOL],
        tool_choice={"type": "function", "name": "pick"},
        max_output_tokens=100,
        temperature=0,
        extra_body=without_blanks(),
    )
    (call,) = response.output

    assert isinstance(call, ResponseFunctionToolCall)
    assert call.name == "pick"
    assert json.loads(call.arguments)["color"] in ("red", "blue")


def test_only_functions_in_allowed_tools_are_called(client: OpenAI) -> None:
    response = client.responses.create(
        model="tiny",
        input="hello",
        tools=[OTHER_TOOL, TOOL],
        tool_choice={
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "pick"}],
        },
        parallel_tool_calls=False,
        max_output_tokens=200,
        temperature=0,
        extra_body=without_blanks(),
    )
    (call,) = response.output

    assert isinstance(call, ResponseFunctionToolCall)
    assert call.name == "pick"


def test_a_streamed_call_equals_the_unstreamed_call(client: OpenAI) -> None:
    with client.responses.stream(
        model="tiny",
        input="hello",
        tools=[TOOL],
        tool_choice={"type": "function", "name": "pick"},
        max_output_tokens=100,
        temperature=0,
        extra_body=without_blanks(),
    ) as stream:
        pieces = [event.delta for event in stream if event.type == "response.function_call_arguments.delta"]
        (call,) = stream.get_final_response().output

    assert isinstance(call, ResponseFunctionToolCall)
    assert "".join(pieces) == call.arguments
    assert json.loads(call.arguments)["color"] in ("red", "blue")


def test_streamed_parallel_calls_equal_the_unstreamed_calls(client: OpenAI) -> None:
    request: dict[str, Any] = {"model": "tiny", "input": "hello", "tools": [TOOL], "tool_choice": "required"}
    request |= {"max_output_tokens": 300, "temperature": 0, "extra_body": without_blanks()}
    whole = client.responses.create(**request)
    streamed = list(client.responses.create(**request, stream=True))[-1].response
    # As values: the engine rewrites the JSON of whole answers.
    calls = [
        [json.loads(item.arguments) for item in response.output if isinstance(item, ResponseFunctionToolCall)]
        for response in (whole, streamed)
    ]

    assert calls[0] == calls[1]
    assert len(calls[0]) > 1


def test_a_custom_tool_is_called_with_plain_text(client: OpenAI) -> None:
    # A random model needs a push to end the text.
    (quote,) = vocabulary.ids('"')
    request: dict[str, Any] = {
        "model": "tiny",
        "input": "hello",
        "tools": [{"type": "custom", "name": "shell"}],
        "tool_choice": {"type": "custom", "name": "shell"},
        "max_output_tokens": 300,
        "temperature": 0,
        "extra_body": {"logit_bias": vocabulary.no_blanks() | {str(quote): 10}},
    }
    (call,) = client.responses.create(**request).output
    events = list(client.responses.create(**request, stream=True))
    texts = [event.input for event in events if event.type == "response.custom_tool_call_input.done"]

    assert call.type == "custom_tool_call"
    assert not call.input.startswith("{")
    assert texts == [call.input]


def test_a_call_and_its_result_can_be_sent_back_as_input(client: OpenAI) -> None:
    def asked(result: str) -> Response:
        return client.responses.create(
            model="tiny",
            input=[
                {"role": "user", "content": "hello"},
                {"type": "function_call", "call_id": "c", "name": "pick", "arguments": '{"color": "red"}'},
                {"type": "function_call_output", "call_id": "c", "output": result},
            ],
            extra_body=ENDING,
        )

    assert input_tokens(asked("red")) < input_tokens(asked("red red red"))


def test_unsupported_tools_are_listed_in_a_header(client: OpenAI) -> None:
    raw = client.responses.with_raw_response.create(
        model="tiny",
        input="hello",
        tools=[{"type": "web_search"}],
        include=["reasoning.encrypted_content"],
        extra_body=ENDING | {"client_metadata": {}},
    )

    assert raw.headers["x-fairlead-ignored-params"].split(",") == [
        *("client_metadata", "include.reasoning.encrypted_content", "tools.web_search")
    ]
