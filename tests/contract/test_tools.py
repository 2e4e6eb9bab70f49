"""Tools and the choice among them."""

from __future__ import annotations

from typing import Any

import pytest

from .support import policy, refusal, request, sent

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
NAMED = {"type": "function", "function": {"name": "f"}}


def test_no_tools_at_all_are_as_good_as_absent() -> None:
    assert sent(tools=[]) == {}
    assert sent(tools=[], tool_choice="auto") == {}


def test_the_rag_document_wants_at_least_one_tool() -> None:
    assert refusal(policy("RAG"), tools=[]).param == "tools"


@pytest.mark.parametrize("choice", ["none", "auto", "required", NAMED])
def test_every_choice_passes_with_tools(choice: Any) -> None:
    assert sent(tools=[TOOL], tool_choice=choice) == {"tools": [TOOL], "tool_choice": choice}


@pytest.mark.parametrize("choice", ["required", NAMED])
def test_a_choice_needs_tools(choice: Any) -> None:
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
def test_a_broken_tool_is_named(tools: list[Any], param: str) -> None:
    assert refusal(tools=tools).param == param


@pytest.mark.parametrize(
    "choice",
    [
        "sometimes",
        {},
        {"type": "allowed_tools"},
        {"type": "function"},
        {"type": "function", "function": {"name": "g"}},
        {"type": "function", "function": {"name": ["f"]}},
    ],
)
def test_a_broken_choice_is_named(choice: Any) -> None:
    assert str(refusal(tools=[TOOL], tool_choice=choice).param).startswith("tool_choice")


def test_a_client_decides_about_parallel_calls() -> None:
    assert sent(policy("IOIntelligence"), tools=[TOOL], parallel_tool_calls=True)["parallel_tool_calls"]


def test_only_answers_to_requests_with_tools_are_searched_for_calls() -> None:
    assert request(tools=[TOOL]).wanted.tools
    assert not request().wanted.tools
