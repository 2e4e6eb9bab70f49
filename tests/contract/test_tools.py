"""Tools and the choice among them."""

from __future__ import annotations

from typing import Any

import pytest

from .support import policy, refusal, request, sent

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": False}}
NAMED = {"type": "function", "function": {"name": "f"}}


def test_an_empty_tools_list_is_treated_as_absent() -> None:
    assert sent(tools=[]) == {}
    assert sent(tools=[], tool_choice="auto") == {}


def test_the_rag_dialect_refuses_an_empty_tools_list() -> None:
    assert refusal(policy("RAG"), tools=[]).param == "tools"


@pytest.mark.parametrize("choice", ["none", "auto", "required", NAMED])
def test_every_tool_choice_is_accepted_with_tools(choice: Any) -> None:
    found = sent(tools=[TOOL], tool_choice=choice)

    assert (found["tools"], found["tool_choice"]) == ([TOOL], choice)


@pytest.mark.parametrize("choice", ["required", NAMED])
def test_a_tool_choice_without_tools_is_refused(choice: Any) -> None:
    assert refusal(tool_choice=choice).param == "tool_choice"


@pytest.mark.parametrize(
    ("tools", "param"),
    [
        ([1], "tools[0]"),
        ([{}], "tools[0].function"),
        ([TOOL, {"type": "web_search"}], "tools[1].type"),
        ([{"type": "function", "function": {}}], "tools[0].function.name"),
        ([{"type": "function", "function": {"name": ""}}], "tools[0].function.name"),
        ([{"type": "function", "function": {"name": 5}}], "tools[0].function.name"),
    ],
)
def test_an_invalid_tool_is_refused_with_its_path(tools: list[Any], param: str) -> None:
    assert refusal(tools=tools).param == param


@pytest.mark.parametrize(
    "choice",
    [
        "sometimes",
        {},
        {"type": "custom", "custom": {"name": "f"}},
        {"type": "allowed_tools"},
        {"type": "function"},
        {"type": "function", "function": {"name": "g"}},
        {"type": "function", "function": {"name": ["f"]}},
    ],
)
def test_an_invalid_tool_choice_is_refused(choice: Any) -> None:
    assert str(refusal(tools=[TOOL], tool_choice=choice).param).startswith("tool_choice")


def test_parallel_tool_calls_of_the_client_are_passed_on() -> None:
    assert sent(policy("IOIntelligence"), tools=[TOOL], parallel_tool_calls=True)["parallel_tool_calls"]


def test_answers_are_searched_for_calls_only_if_the_request_has_tools() -> None:
    assert request(tools=[TOOL]).transform.tools
    assert not request().transform.tools


def tool(**function: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f"} | function}


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        (None, ""),
        ("f", ""),
        ({"type": "function", "function": "f"}, ".function"),
        ({"name": "f", "parameters": {}}, ".function"),
        (tool(name=["f"]), ".function.name"),
        (tool(description=["x"]), ".function.description"),
        (tool(parameters="{}"), ".function.parameters"),
        (tool(parameters=[]), ".function.parameters"),
        (tool(strict="maybe"), ".function.strict"),
        (tool(strict=[]), ".function.strict"),
        (tool(strict=2), ".function.strict"),
        (tool(defer_loading={}), ".function.defer_loading"),
        (tool() | {"defer_loading": "x"}, ".defer_loading"),
    ],
)
def test_an_error_in_a_tool_has_its_path(broken: Any, path: str) -> None:
    error = refusal(tools=[TOOL, broken])

    assert error.param == f"tools[1]{path}"
    assert f"'tools[1]{path}'" in error.message


@pytest.mark.parametrize("field", ["description", "parameters", "strict", "defer_loading"])
def test_a_null_field_of_a_tool_is_accepted(field: str) -> None:
    assert sent(tools=[tool(**{field: None})])


def test_a_null_type_of_a_tool_is_treated_as_absent() -> None:
    assert sent(tools=[tool() | {"type": None}])["tools"] == [{"function": {"name": "f"}}]


@pytest.mark.parametrize("value", [True, 1, 1.0, "true", "True", "yes", "1"])
def test_a_strict_tool_is_recognized_in_every_form_of_the_flag(value: Any) -> None:
    assert sent(tools=[tool(strict=value)])["tools"][0]["function"]["strict"] is True
    broken = {"type": "string", "pattern": "("}
    assert refusal(tools=[tool(strict=value, parameters={"type": "object", "properties": {"a": broken}})])


@pytest.mark.parametrize("value", [False, 0, "false", "off"])
def test_a_tool_that_is_not_strict_is_accepted_in_every_form_of_the_flag(value: Any) -> None:
    assert sent(tools=[tool(strict=value)])["tools"][0]["function"]["strict"] is False


def test_tools_with_the_same_name_are_accepted() -> None:
    assert sent(tools=[TOOL, TOOL])["tools"] == [TOOL, TOOL]


@pytest.mark.parametrize(
    ("choice", "path"),
    [
        ({"type": "custom"}, "tool_choice.type"),
        ({"type": "function"}, "tool_choice.function"),
        ({"type": "function", "name": "f"}, "tool_choice.function"),
        ({"type": "function", "function": "f"}, "tool_choice.function"),
        ({"type": "function", "function": {}}, "tool_choice.function.name"),
        ({"type": "function", "function": {"name": "g"}}, "tool_choice.function.name"),
    ],
)
def test_an_error_in_a_tool_choice_has_its_path(choice: Any, path: str) -> None:
    error = refusal(tools=[TOOL], tool_choice=choice)

    assert error.param == path
    assert f"'{path}'" in error.message


def allowed(mode: Any = "auto", tools: Any = ({"type": "function", "function": {"name": "g"}},)) -> Any:
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_only_allowed_tools_are_offered(mode: str) -> None:
    found = sent(tools=[TOOL, tool(name="g"), tool(name="h")], tool_choice=allowed(mode))

    assert [offered["function"]["name"] for offered in found["tools"]] == ["g"]
    assert found["tool_choice"] == mode


def test_no_allowed_tools_are_no_tools() -> None:
    assert sent(tools=[TOOL], tool_choice=allowed(tools=[])) == {}


@pytest.mark.parametrize(
    ("choice", "path"),
    [
        ({"type": "allowed_tools"}, ""),
        ({"type": "allowed_tools", "allowed_tools": []}, ""),
        (allowed(mode=None), ".mode"),
        (allowed(mode="none"), ".mode"),
        (allowed(tools=None), ".tools"),
        (allowed(tools={}), ".tools"),
        (allowed("required", []), ".tools"),
        (allowed(tools=["g"]), ".tools[0].function.name"),
        (allowed(tools=[{"type": "function", "function": {"name": "x"}}]), ".tools[0].function.name"),
    ],
)
def test_an_error_in_allowed_tools_has_its_path(choice: Any, path: str) -> None:
    assert (
        refusal(tools=[TOOL, tool(name="g")], tool_choice=choice).param == f"tool_choice.allowed_tools{path}"
    )


def test_an_error_in_an_allowed_tool_has_the_place_at_which_it_was_sent() -> None:
    broken = tool(name="g", strict=True, parameters={"type": "object", "properties": {"a": {"pattern": "("}}})

    assert str(refusal(tools=[TOOL, broken], tool_choice=allowed()).param).startswith("tools[1].function")


@pytest.mark.parametrize("pattern", ["(", "[a", "a)", "*a"])
def test_a_bad_pattern_of_a_strict_tool_has_its_path(pattern: str) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": pattern}}}
    error = refusal(tools=[TOOL, tool(strict=True, parameters=schema)])

    assert error.param == "tools[1].function.parameters.properties.a.pattern"
