"""Arguments in the history of a conversation: what the engine gets for those that are no JSON object."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairlead_gateway.contract.policy import make_policy
from fairlead_gateway.contract.request import prepare_chat

POLICY = make_policy(("tiny",))


def request(arguments: str) -> bytes:
    function = {"name": "f", "arguments": arguments}
    turn = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "1", "type": "function", "function": function}],
    }
    messages = [
        {"role": "user", "content": "hi"},
        turn,
        {"role": "tool", "tool_call_id": "1", "content": "r"},
    ]
    return json.dumps({"model": "tiny", "messages": messages}).encode()


def arguments_for_the_engine(arguments: str) -> Any:
    (call,) = json.loads(prepare_chat(request(arguments), POLICY).body)["messages"][1]["tool_calls"]
    return json.loads(call["function"]["arguments"])


@pytest.mark.parametrize("arguments", ['{"a": [1, "}"]}', "{}", " {} ", '{"a":' * 64 + "1" + "}" * 64])
def test_call_arguments_that_are_an_object_are_passed_on_byte_for_byte(arguments: str) -> None:
    assert prepare_chat(request(arguments), POLICY).body == request(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        '{"city": "Par',
        "city=Paris",
        "{'city': 'Paris'}",
        '{"a": 1} {"b": 2}',
        '{"a": NaN}',
        '["Paris"]',
        '"Paris"',
        "5",
        '{"a":' * 65 + "1" + "}" * 65,
        # vLLM ends such a request with a 500.
        '{"a":' * 2000 + "1" + "}" * 2000,
        "[" * 2000,
    ],
)
def test_other_call_arguments_are_wrapped_in_an_object(arguments: str) -> None:
    assert arguments_for_the_engine(arguments) == {"INVALID_ARGUMENTS": arguments}


@pytest.mark.parametrize("arguments", [" ", "null", " null\n"])
def test_blank_or_null_call_arguments_become_an_empty_object(arguments: str) -> None:
    assert arguments_for_the_engine(arguments) == {}


def test_call_arguments_with_too_many_values_are_not_parsed() -> None:
    arguments = json.dumps({"a": [0] * 200_001})

    assert arguments_for_the_engine(arguments) == {"INVALID_ARGUMENTS": arguments}


def test_call_arguments_are_bounded_by_values_and_not_by_length() -> None:
    arguments = json.dumps({"a": "x" * 300_000})

    assert prepare_chat(request(arguments), POLICY).body == request(arguments)
