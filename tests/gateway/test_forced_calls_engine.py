"""Forced calls with a real vLLM, whose random model would write anything that the engine lets it write."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
from openai import OpenAI

from tests.effects import vocabulary

pytestmark = pytest.mark.engine

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "pattern": "[A-Z][a-z]{1,6}"},
        "days": {"type": "integer", "minimum": 0, "maximum": 99},
        "unit": {"enum": ["C", "F"]},
        "place": {"type": "object", "properties": {"indoor": {"type": "boolean"}}, "required": ["indoor"]},
    },
    "required": ["city", "days", "unit", "place"],
}
# Without `strict`: neither the engine nor its defaults keep to the schema.
WEATHER: Any = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
NAMED: Any = {"type": "function", "function": {"name": "weather"}}


def ask(client: OpenAI, **fields: Any) -> Any:
    # The engine allows whitespace between the values, of which a random model writes any amount.
    usual: dict[str, Any] = {"max_tokens": 300, "temperature": 1.0}
    usual["extra_body"] = {"logit_bias": vocabulary.no_blanks()}
    messages: Any = [{"role": "user", "content": "hello"}]
    return client.chat.completions.create(model="tiny", messages=messages, tools=[WEATHER], **usual | fields)


@pytest.mark.parametrize("choice", ["required", NAMED], ids=["required", "named"])
def test_the_arguments_of_every_forced_call_fit_the_schema(client: OpenAI, choice: Any) -> None:
    calls = [
        call
        for seed in range(5)
        for answered in ask(client, tool_choice=choice, n=5, seed=seed, parallel_tool_calls=False).choices
        for call in answered.message.tool_calls
    ]

    assert len(calls) == 25
    for call in calls:
        jsonschema.validate(json.loads(call.function.arguments), SCHEMA)


def test_a_call_that_is_cut_off_is_the_same_in_a_whole_answer_and_in_a_stream(client: OpenAI) -> None:
    fields: dict[str, Any] = {"tool_choice": NAMED, "max_tokens": 24, "temperature": 0}
    (whole,) = ask(client, **fields).choices
    chunks = [part for event in ask(client, stream=True, **fields) for part in event.choices]
    streamed = "".join(
        call.function.arguments or "" for part in chunks for call in part.delta.tool_calls or ()
    )

    assert (whole.finish_reason, chunks[-1].finish_reason) == ("length", "length")
    assert whole.message.content is None
    assert whole.message.tool_calls[0].function.arguments == streamed


def test_the_text_for_a_custom_tool_matches_its_expression(client: OpenAI) -> None:
    grammar: Any = {"type": "grammar", "syntax": "regex", "definition": "[a-f]{3}x"}
    (call,) = client.responses.create(
        model="tiny",
        input="hello",
        tools=[{"type": "custom", "name": "pick", "format": grammar}],
        tool_choice={"type": "custom", "name": "pick"},
        max_output_tokens=100,
        extra_body={"logit_bias": vocabulary.no_blanks()},
    ).output

    assert call.type == "custom_tool_call"
    assert re.fullmatch("[a-f]{3}x", call.input)
