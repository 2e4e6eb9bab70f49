"""Responses with every official client, through the gateway, on a real vLLM."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.driver import Application
from tests.clients.requests import FORECAST_SCHEMA, FORECAST_TOOL, TERSE, assert_forecast

pytestmark = pytest.mark.engine

CUT: dict[str, Any] = {"model": "tiny", "input": "hello", "max_output_tokens": 12, "temperature": 0}
STRUCTURED: dict[str, Any] = {
    "model": "tiny",
    "input": "hello",
    "max_output_tokens": 200,
    "temperature": TERSE["temperature"],
    "extra_body": {"frequency_penalty": TERSE["frequency_penalty"]},
}
FORECAST_FORMAT = {
    "format": {"type": "json_schema", "name": "forecast", "strict": True, "schema": FORECAST_SCHEMA}
}
NAMED_TOOL: dict[str, Any] = {
    "tools": [{"type": "function", **FORECAST_TOOL}],
    "tool_choice": {"type": "function", "name": "forecast"},
}


def types_of(events: list[Any]) -> list[str]:
    """The events' types in order, runs of the same type counted once."""
    types = [event["type"] for event in events]
    return [name for place, name in enumerate(types) if place == 0 or types[place - 1] != name]


def test_a_client_reads_an_answer(app: Application) -> None:
    read = app("responses.create", **STRUCTURED, text=FORECAST_FORMAT)

    assert read["answer"]["status"] == "completed"
    assert_forecast(json.loads(read["text"]))
    assert read["answer"]["usage"]["output_tokens"] > 0


def test_a_truncated_answer_is_incomplete(app: Application) -> None:
    answer = app("responses.create", **CUT)["answer"]

    assert answer["status"] == "incomplete"
    assert answer["incomplete_details"]["reason"] == "max_output_tokens"
    assert answer["usage"]["output_tokens"] == 12


def test_the_items_of_a_conversation_are_accepted(app: Application) -> None:
    question = {"role": "user", "content": "hello"}
    turns = [question, {"role": "assistant", "content": "hello"}, question]
    longer = app("responses.create", **(CUT | {"input": turns, "instructions": "Be brief."}))["answer"]

    assert longer["instructions"] == "Be brief."
    short = app("responses.create", **CUT)["answer"]
    assert longer["usage"]["input_tokens"] > short["usage"]["input_tokens"]


def test_a_stream_has_every_event_in_order(app: Application) -> None:
    events = app("responses.stream", **STRUCTURED, text=FORECAST_FORMAT)

    assert types_of(events) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    text = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == text
    assert_forecast(json.loads(text))


def test_a_truncated_stream_ends_incomplete(app: Application) -> None:
    last = app("responses.stream", **CUT)[-1]

    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"]["reason"] == "max_output_tokens"


def test_the_stream_helper_assembles_the_answer(app: Application) -> None:
    collected = app("responses.collect", **STRUCTURED, text=FORECAST_FORMAT)

    assert_forecast(json.loads(collected["text"]))
    assert "".join(collected["deltas"]) == collected["text"]
    assert collected["answer"]["status"] == "completed"


def test_an_answer_is_parsed_into_the_applications_type(app: Application) -> None:
    assert_forecast(app("responses.parse", **STRUCTURED))


def test_the_stream_helper_parses_into_the_applications_type(app: Application) -> None:
    assert_forecast(app("responses.collect_parsed", **STRUCTURED))


def test_a_tool_is_called_and_its_result_accepted(app: Application) -> None:
    answer = app("responses.create", **STRUCTURED, **NAMED_TOOL)["answer"]
    (call,) = answer["output"]
    assert (call["type"], call["name"]) == ("function_call", "forecast")
    assert_forecast(json.loads(call["arguments"]))

    # As the client read it: the fields that it made up itself are not for the wire.
    said = {name: call[name] for name in ("type", "id", "call_id", "name", "arguments", "status")}
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
    turns = [{"role": "user", "content": "hello"}, said, result]
    after = app("responses.create", **(CUT | {"input": turns}), tools=NAMED_TOOL["tools"])["answer"]
    assert after["output"][0]["type"] == "message"
    assert after["usage"]["input_tokens"] > answer["usage"]["input_tokens"]


def test_a_streamed_call_is_assembled(app: Application) -> None:
    events = app("responses.stream", **STRUCTURED, **NAMED_TOOL)

    assert types_of(events) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    deltas = [e["delta"] for e in events if e["type"] == "response.function_call_arguments.delta"]
    item = events[-1]["response"]["output"][0]
    assert item["name"] == "forecast"
    assert item["arguments"] == "".join(deltas)
    assert_forecast(json.loads(item["arguments"]))


def test_the_stream_helper_assembles_a_call(app: Application) -> None:
    (call,) = app("responses.collect", **STRUCTURED, **NAMED_TOOL)["answer"]["output"]

    assert call["name"] == "forecast"
    assert_forecast(json.loads(call["arguments"]))
