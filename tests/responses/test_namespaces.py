"""Namespaces of tools: one name for the engine, two for the client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.responses.asking import (
    DONE,
    FUNCTION,
    adapter,
    answer,
    call_chunk,
    chat,
    chunk,
    completion,
    events,
    refusal,
)

SHELL = {"type": "custom", "name": "shell"}
NAMESPACE = {"type": "namespace", "name": "crm", "description": "Our customers.", "tools": [FUNCTION, SHELL]}


def called(name: str, arguments: str = "{}") -> bytes:
    """The engine's answer with one call."""
    call = {"id": "c", "function": {"name": name, "arguments": arguments}}
    return completion("tool_calls", {"content": None, "tool_calls": [call]})


def test_the_engine_gets_functions_named_after_the_namespace() -> None:
    first, second = (tool["function"] for tool in chat(tools=[NAMESPACE])["tools"])

    assert (first["name"], first["description"]) == ("crm__f", "Our customers.\nd")
    assert (second["name"], second["description"]) == ("crm__shell", "Our customers.")


def test_the_separator_is_not_doubled() -> None:
    (tool,) = chat(tools=[NAMESPACE | {"name": "mcp__crm__", "tools": [FUNCTION]}])["tools"]

    assert tool["function"]["name"] == "mcp__crm__f"


def test_a_call_has_its_namespace_and_its_own_name() -> None:
    (item,) = answer(called("crm__f"), tools=[NAMESPACE])["output"]

    assert (item["type"], item["namespace"], item["name"]) == ("function_call", "crm", "f")


def test_a_custom_tool_in_a_namespace_is_called_with_plain_text() -> None:
    (item,) = answer(called("crm__shell", '{"input": "ls"}'), tools=[NAMESPACE])["output"]

    assert (item["type"], item["namespace"], item["name"]) == ("custom_tool_call", "crm", "shell")
    assert item["input"] == "ls"


def test_a_streamed_call_has_its_namespace_and_its_own_name() -> None:
    found = events(
        call_chunk("{}", index=0, id="c", name="crm__f"), chunk("tool_calls"), DONE, tools=[NAMESPACE]
    )
    items = [event["item"] for event in found if "item" in event]

    assert {(item["namespace"], item["name"]) for item in items} == {("crm", "f")}
    (done,) = [event for event in found if event["type"] == "response.function_call_arguments.done"]
    assert done["name"] == "f"


def test_a_function_outside_of_namespaces_has_none() -> None:
    (item,) = answer(called("f"), tools=[FUNCTION, NAMESPACE])["output"]

    assert item["name"] == "f"
    assert "namespace" not in item


def test_a_call_in_the_history_has_the_name_that_the_engine_knows() -> None:
    call = {"type": "function_call", "call_id": "c", "namespace": "crm", "name": "f", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c", "output": "42"}
    asked, result_message = chat(tools=[NAMESPACE], input=[call, result])["messages"]

    assert asked["tool_calls"][0]["function"]["name"] == "crm__f"
    assert result_message["content"] == "42"


def test_a_function_of_a_namespace_can_be_chosen() -> None:
    choice = {"type": "function", "namespace": "crm", "name": "f"}

    assert chat(tools=[NAMESPACE], tool_choice=choice)["tool_choice"]["function"]["name"] == "crm__f"


def test_the_response_repeats_the_namespace_as_it_was_sent() -> None:
    assert answer(completion(), tools=[NAMESPACE])["tools"] == [NAMESPACE]


def test_hosted_tools_in_a_namespace_are_ignored_and_named() -> None:
    engine = adapter(tools=[NAMESPACE | {"tools": [FUNCTION, {"type": "web_search"}]}]).engine

    assert len(json.loads(engine.body)["tools"]) == 1
    assert engine.ignored == ("tools.web_search",)


@pytest.mark.parametrize(
    ("tools", "param"),
    [
        ([{"type": "namespace", "tools": []}], "tools[0].name"),
        ([NAMESPACE | {"tools": {}}], "tools[0].tools"),
        ([NAMESPACE | {"description": 5}], "tools[0].description"),
        ([NAMESPACE | {"tools": [5]}], "tools[0].tools[0]"),
        ([NAMESPACE | {"tools": [{"type": "function"}]}], "tools[0].tools[0].name"),
        ([FUNCTION | {"name": "crm__f"}, NAMESPACE], "tools[1].tools[0].name"),
        ([NAMESPACE, NAMESPACE], "tools[1].tools[0].name"),
    ],
)
def test_an_error_in_a_namespace_has_its_path(tools: list[Any], param: str) -> None:
    assert refusal(tools=tools).param == param


def test_a_schema_that_cannot_be_enforced_has_its_path() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "not": {}}}}
    tool = FUNCTION | {"parameters": schema, "strict": True}

    param = refusal(tools=[NAMESPACE | {"tools": [tool]}]).param
    assert str(param).startswith("tools[0].tools[0].parameters.properties.a")
