"""Tools and the choice among them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.responses.asking import (
    DONE,
    FUNCTION,
    REJECTING,
    adapter,
    answer,
    call_chunk,
    chat,
    chunk,
    completion,
    events,
    refusal,
    types,
)

OTHER = FUNCTION | {"name": "g"}
CUSTOM = {"type": "custom", "name": "shell", "description": "runs a command", "format": {"type": "text"}}
CHAT_FUNCTION = {"type": "function", "function": {"name": "f"}}
GRAMMAR: dict[str, Any] = CUSTOM | {
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: WORD"}
}


def names(tools: list[dict[str, Any]]) -> list[str]:
    return [tool["function"]["name"] for tool in tools]


def test_function_tools_get_the_nested_form_of_chat_completions() -> None:
    function = {name: value for name, value in FUNCTION.items() if name != "type"}

    assert chat(tools=[FUNCTION])["tools"] == [{"type": "function", "function": function}]


@pytest.mark.parametrize("choice", ["none", "auto", "required"])
def test_a_tool_choice_given_as_a_string_is_passed_on(choice: str) -> None:
    assert chat(tools=[FUNCTION], tool_choice=choice)["tool_choice"] == choice


def test_a_named_tool_choice_gets_the_nested_form_of_chat_completions() -> None:
    choice = chat(tools=[FUNCTION], tool_choice={"type": "function", "name": "f"})["tool_choice"]

    assert choice == {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_only_tools_in_allowed_tools_are_offered(mode: str) -> None:
    choice = {"type": "allowed_tools", "mode": mode, "tools": [{"type": "function", "name": "g"}]}
    asked = chat(tools=[FUNCTION, OTHER], tool_choice=choice)

    assert (names(asked["tools"]), asked["tool_choice"]) == (["g"], mode)


def test_hosted_tools_are_ignored_and_named() -> None:
    engine = adapter(tools=[FUNCTION, {"type": "web_search"}, {"type": "mcp"}]).engine

    assert names(json.loads(engine.body)["tools"]) == ["f"]
    assert engine.ignored == ("tools.mcp", "tools.web_search")


def test_hosted_tools_alone_are_treated_as_no_tools() -> None:
    assert not {"tools", "tool_choice"} & chat(tools=[{"type": "web_search"}], tool_choice="auto").keys()


def test_hosted_tools_are_refused_if_unknown_fields_are_refused() -> None:
    assert refusal(REJECTING, tools=[FUNCTION, {"type": "web_search"}]).param == "tools[1].type"


def test_a_custom_tool_becomes_a_function_with_one_string_argument() -> None:
    (tool,) = chat(tools=[CUSTOM])["tools"]

    assert tool["function"]["name"] == "shell"
    assert tool["function"]["parameters"]["required"] == ["input"]


def test_a_custom_tool_is_called_with_plain_text() -> None:
    call = {"id": "c", "function": {"name": "shell", "arguments": '{"input": "ls -l"}'}}
    message = {"content": None, "tool_calls": [call]}
    (item,) = answer(completion("tool_calls", message), tools=[CUSTOM])["output"]

    assert (item["type"], item["call_id"], item["input"]) == ("custom_tool_call", "c", "ls -l")


def test_a_custom_tool_is_called_with_plain_text_in_a_stream() -> None:
    pieces = (call_chunk("", index=0, id="c", name="shell"), call_chunk('{"inp'), call_chunk('ut":"ls"}'))
    found = events(*pieces, chunk("tool_calls"), DONE, tools=[CUSTOM])

    assert types(found)[2:-1] == [
        *("output_item.added", "custom_tool_call_input.delta"),
        *("custom_tool_call_input.done", "output_item.done"),
    ]
    assert found[-1]["response"]["output"][0]["input"] == "ls"


def test_a_truncated_custom_tool_call_has_the_text_generated_so_far() -> None:
    call = {"id": "c", "function": {"name": "shell", "arguments": '{"input": "ls'}}
    message = {"content": None, "tool_calls": [call]}

    assert answer(completion("length", message), tools=[CUSTOM])["output"][0]["input"] == '{"input": "ls'


def regex(definition: str) -> dict[str, Any]:
    return CUSTOM | {"format": {"type": "grammar", "syntax": "regex", "definition": definition}}


def offered(tool: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The function for the engine, and what was ignored."""
    engine = adapter(tools=[tool]).engine
    (found,) = json.loads(engine.body)["tools"]
    return found["function"], engine.ignored


def test_a_custom_tool_with_a_grammar_is_described_by_it() -> None:
    function, ignored = offered(GRAMMAR)

    assert function["description"] == "runs a command\nThe input must match this Lark grammar:\nstart: WORD"
    assert ignored == ("tools.custom.format",)


def test_a_custom_tool_with_an_expression_can_only_be_called_with_text_that_matches() -> None:
    function, ignored = offered(regex("[a-z]+"))

    assert function["parameters"]["properties"]["input"]["pattern"] == "[a-z]+"
    assert function["strict"] is True
    assert ignored == ()


def test_an_expression_that_cannot_be_enforced_is_in_the_description_only() -> None:
    function, ignored = offered(regex(r"(?=a)\w+"))

    assert "pattern" not in function["parameters"]["properties"]["input"]
    assert r"(?=a)\w+" in function["description"]
    assert ignored == ("tools.custom.format",)


def test_a_grammar_that_cannot_be_enforced_is_refused_if_unknown_fields_are_refused() -> None:
    assert refusal(REJECTING, tools=[GRAMMAR]).param == "tools[0].format"


def test_the_response_repeats_all_tools_with_all_their_keys() -> None:
    bare = {"type": "function", "name": "f"}
    tools = answer(completion(), tools=[bare, {"type": "web_search"}])["tools"]

    assert tools == [
        bare | {"description": None, "parameters": None, "strict": True},
        {"type": "web_search"},
    ]


def strictness(**fields: Any) -> list[Any]:
    """Whether the functions are strict for the engine, and whether the Response calls them so."""
    for_engine = [tool["function"].get("strict") for tool in chat(**fields)["tools"]]
    assert [tool["strict"] for tool in answer(completion(), **fields)["tools"]] == list(map(bool, for_engine))
    return for_engine


def test_a_function_is_strict_unless_the_request_says_otherwise() -> None:
    opened = {name: value for name, value in OTHER.items() if name != "strict"}
    loose = opened | {"name": "h", "strict": False}

    assert strictness(tools=[opened | {"strict": None}, loose]) == [True, False]


def test_a_function_is_not_strict_if_its_schema_cannot_be_enforced() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "not": {"const": "x"}}}}

    assert strictness(tools=[FUNCTION | {"strict": None, "parameters": schema}]) == [None]


def test_functions_are_not_strict_if_their_schemas_are_too_large_for_a_grammar() -> None:
    schema = {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(30_000)}}

    assert strictness(tools=[FUNCTION | {"strict": None, "parameters": schema}]) == [None]


def test_a_form_of_the_answer_is_not_replaced_by_functions_that_are_strict_by_default() -> None:
    text = {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}}

    assert strictness(tools=[FUNCTION | {"strict": None}], text=text) == [None]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": {}}, "tools"),
        ({"tools": ["f"]}, "tools[0]"),
        ({"tools": [{}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [FUNCTION | {"name": ""}]}, "tools[0].name"),
        ({"tools": [FUNCTION, OTHER | {"parameters": 5}]}, "tools[1].parameters"),
        ({"tools": [FUNCTION | {"description": 5}]}, "tools[0].description"),
        ({"tools": [FUNCTION | {"strict": "yes"}]}, "tools[0].strict"),
        ({"tools": [CUSTOM | {"format": {"type": "grammar"}}]}, "tools[0].format.syntax"),
        ({"tools": [GRAMMAR | {"format": GRAMMAR["format"] | {"syntax": "ebnf"}}]}, "tools[0].format.syntax"),
        (
            {"tools": [GRAMMAR | {"format": GRAMMAR["format"] | {"definition": 5}}]},
            "tools[0].format.definition",
        ),
        ({"tools": [CHAT_FUNCTION]}, "tools[0].function"),
        ({"tools": [FUNCTION], "tool_choice": CHAT_FUNCTION}, "tool_choice.function"),
        ({"tools": [FUNCTION], "tool_choice": "some"}, "tool_choice"),
        ({"tools": [], "tool_choice": "required"}, "tool_choice"),
        ({"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}}, "tool_choice.type"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "function", "name": "g"}}, "tool_choice.name"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "function"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "all", "tools": []}}, "tool_choice.mode"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice.tools"),
        ({"tool_choice": {"type": "allowed_tools", "tools": ["f"]}}, "tool_choice.tools[0]"),
        (
            {"tools": [FUNCTION], "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": []}},
            "tool_choice",
        ),
    ],
)
def test_an_invalid_tool_or_tool_choice_is_refused_with_its_path(fields: dict[str, Any], param: str) -> None:
    error = refusal(**fields)

    assert (error.status, error.param) == (400, param)
