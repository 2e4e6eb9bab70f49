"""Functions that the client has left open: where the engine must keep to their schemas."""

from __future__ import annotations

from typing import Any

import pytest

from .support import policy, sent

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
# No backend enforces it.
UNENFORCEABLE = {"type": "object", "properties": {"a": {"type": "string", "not": {"const": "x"}}}}
NAMED = {"type": "function", "function": {"name": "f"}}


def tool(name: str = "f", **function: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": CITY} | function}


def functions(*tools: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    """The functions as the engine gets them."""
    return [found["function"] for found in sent(tools=list(tools), **fields)["tools"]]


def strictness(*tools: dict[str, Any], **fields: Any) -> list[Any]:
    return [function.get("strict") for function in functions(*tools, **fields)]


def test_a_function_that_must_be_called_is_strict() -> None:
    assert strictness(tool(), tool("g"), tool_choice="required") == [True, True]


def test_of_a_named_choice_only_the_named_function_is_strict() -> None:
    assert strictness(tool(), tool("g"), tool_choice=NAMED) == [True, None]


@pytest.mark.parametrize("choice", ["auto", "none"])
def test_a_function_that_may_be_called_stays_as_it_is(choice: str) -> None:
    assert strictness(tool(), tool_choice=choice) == [None]


def test_null_is_no_answer_to_whether_a_function_is_strict() -> None:
    assert strictness(tool(strict=None), tool_choice="required") == [True]


def test_a_function_that_is_not_strict_by_request_stays_so() -> None:
    assert strictness(tool(strict=False), tool_choice="required") == [False]


def test_a_schema_that_cannot_be_enforced_is_no_error_unless_strictness_was_requested() -> None:
    assert strictness(tool(parameters=UNENFORCEABLE), tool_choice="required") == [None]


def test_what_can_be_enforced_depends_on_the_backend() -> None:
    bounded = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}
    outlines = policy(structured_outputs_backend="outlines")

    assert strictness(tool(parameters=bounded), tool_choice="required") == [True]
    found = sent(outlines, tools=[tool(parameters=bounded)], tool_choice="required")["tools"]
    assert "strict" not in found[0]["function"]


def test_a_forced_function_without_parameters_has_no_arguments() -> None:
    (function,) = functions(tool(parameters=None), tool_choice="required")

    assert function["parameters"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize("parameters", [{}, {"properties": {"a": {}}}])
def test_arguments_of_a_forced_function_are_an_object(parameters: dict[str, Any]) -> None:
    (function,) = functions(tool(parameters=parameters), tool_choice="required")

    assert function["parameters"] == {"type": "object"} | parameters


def test_a_schema_of_references_keeps_its_form() -> None:
    parameters = {"$ref": "#/$defs/a", "$defs": {"a": CITY}}
    (function,) = functions(tool(parameters=parameters), tool_choice="required")

    assert (function["strict"], function["parameters"]) == (True, parameters)
