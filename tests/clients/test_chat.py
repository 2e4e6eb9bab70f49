"""Chat completions with every official client, through the gateway, on a real vLLM."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.driver import Application
from tests.clients.requests import FORECAST_SCHEMA, FORECAST_TOOL, HELLO, TERSE, assert_forecast

pytestmark = pytest.mark.engine

WHOLE: dict[str, Any] = {"model": "tiny", "messages": HELLO, "max_tokens": 12, "temperature": 0}
STRUCTURED: dict[str, Any] = {"model": "tiny", "messages": HELLO, "max_tokens": 200, **TERSE}
FORECAST_FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "forecast", "strict": True, "schema": FORECAST_SCHEMA},
}
TOOLS: dict[str, Any] = {"tools": [{"type": "function", "function": FORECAST_TOOL}]}
REQUIRED = TOOLS | {"tool_choice": "required"}
NAMED_TOOL = TOOLS | {"tool_choice": {"type": "function", "function": {"name": "forecast"}}}


def text_of(chunks: list[Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


def test_a_client_reads_an_answer(app: Application) -> None:
    answer = app("chat.create", **WHOLE)["answer"]

    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["choices"][0]["message"]["content"]
    assert answer["usage"]["completion_tokens"] == 12


def test_a_streamed_answer_equals_the_unstreamed_answer(app: Application) -> None:
    chunks = app("chat.stream", **WHOLE)

    assert text_of(chunks) == app("chat.create", **WHOLE)["answer"]["choices"][0]["message"]["content"]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks if chunk["choices"]][-1] == "length"
    assert not any(chunk.get("usage") for chunk in chunks)


def test_a_stream_ends_with_usage_if_requested(app: Application) -> None:
    chunks = app("chat.stream", **WHOLE, stream_options={"include_usage": True})

    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 12
    assert not any(chunk.get("usage") for chunk in chunks[:-1])


def test_the_choices_of_a_stream_are_distinguished(app: Application) -> None:
    chunks = app("chat.stream", **(WHOLE | {"temperature": 1, "n": 2}))

    ends = [choice for chunk in chunks for choice in chunk["choices"] if choice["finish_reason"]]
    assert {choice["index"] for choice in ends} == {0, 1}


def test_the_stream_helper_assembles_the_answer(app: Application) -> None:
    # An answer that comes to its end: openai-python's helper takes a cut one for an error.
    collected = app("chat.collect", **STRUCTURED, response_format=FORECAST_FORMAT)
    content = collected["answer"]["choices"][0]["message"]["content"]

    assert_forecast(json.loads(content))
    assert "".join(collected["deltas"]) == content
    assert collected["contents"] == [content]


def test_an_answer_is_parsed_into_the_applications_type(app: Application) -> None:
    assert_forecast(app("chat.parse", **STRUCTURED))


def test_the_stream_helper_parses_into_the_applications_type(app: Application) -> None:
    assert_forecast(app("chat.collect_parsed", **STRUCTURED))


def test_a_client_receives_a_tool_call(app: Application) -> None:
    choice = app("chat.create", **STRUCTURED, **NAMED_TOOL)["answer"]["choices"][0]
    (call,) = choice["message"]["tool_calls"]

    assert call["id"]
    assert call["type"] == "function"
    assert call["function"]["name"] == "forecast"
    assert_forecast(json.loads(call["function"]["arguments"]))


def test_tool_choice_required_makes_a_call(app: Application) -> None:
    choice = app("chat.create", **STRUCTURED, **REQUIRED)["answer"]["choices"][0]

    assert choice["message"]["tool_calls"][0]["function"]["name"] == "forecast"


def test_a_streamed_call_is_assembled_by_its_index(app: Application) -> None:
    calls: dict[int, dict[str, str]] = {}
    for chunk in app("chat.stream", **STRUCTURED, **NAMED_TOOL):
        for delta in chunk["choices"][0]["delta"].get("tool_calls") or []:
            call = calls.setdefault(delta["index"], {"id": "", "name": "", "arguments": ""})
            call["id"] += delta.get("id") or ""
            call["name"] += delta["function"].get("name") or ""
            call["arguments"] += delta["function"].get("arguments") or ""

    assert list(calls) == [0]
    assert calls[0]["id"]
    assert calls[0]["name"] == "forecast"
    assert_forecast(json.loads(calls[0]["arguments"]))


def test_the_stream_helper_assembles_a_call(app: Application) -> None:
    collected = app("chat.collect", **STRUCTURED, **NAMED_TOOL)
    (call,) = collected["answer"]["choices"][0]["message"]["tool_calls"]

    assert_forecast(json.loads(call["function"]["arguments"]))
    assert collected["calls"] == [{"name": "forecast", "arguments": call["function"]["arguments"]}]


def test_a_tool_result_is_accepted(app: Application) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "forecast", "arguments": "{}"}}
    turns = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]

    answer = app("chat.create", **(WHOLE | {"messages": turns}))["answer"]
    assert answer["usage"]["prompt_tokens"] > app("chat.create", **WHOLE)["answer"]["usage"]["prompt_tokens"]
