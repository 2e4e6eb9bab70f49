"""Functions that the model may call."""

from __future__ import annotations

from typing import Any

from fairlead_contract.parameters import ApiKind
from tests.effects import vocabulary
from tests.effects.answers import Answer
from tests.effects.endpoint import Endpoint
from tests.effects.registry import effect

PARAMETERS = {
    "type": "object",
    "properties": {"city": {"enum": ["Rome", "Oslo"]}},
    "required": ["city"],
    "additionalProperties": False,
}
CALL = '<tool_call>{"name":"sun","arguments":{}}</tool_call>'


def _offering(endpoint: Endpoint, strict: bool) -> dict[str, Any]:
    return {"tools": [endpoint.function(name, PARAMETERS, strict) for name in ("sun", "rain")]}


def _ask(endpoint: Endpoint, **parameters: Any) -> Answer:
    usual = {"logit_bias": vocabulary.no_blanks(), endpoint.limit: 64}
    return endpoint.ask(**_offering(endpoint, strict=True) | usual | parameters)


def _saying(endpoint: Endpoint, text: str) -> dict[str, Any]:
    """A request whose answer is this text. The engine obeys only beside tools that are not strict."""
    constraint = {"structured_outputs": {"choice": [text]}, endpoint.limit: 112}
    return _offering(endpoint, strict=False) | constraint


def calling_twice(endpoint: Endpoint) -> dict[str, Any]:
    """A request whose answer calls two functions."""
    return _saying(endpoint, CALL + CALL)


def _names(answer: Answer) -> list[str]:
    return [call.name for call in answer.only.calls]


@effect("tools")
def tools(endpoint: Endpoint) -> None:
    """The model reads them, and what it calls is one of them with arguments that fit."""
    assert _ask(endpoint, **{endpoint.limit: 1}).prompt_tokens > endpoint.greedy().prompt_tokens + 50

    answer = _ask(endpoint, tool_choice="required", parallel_tool_calls=False)

    (call,) = answer.only.calls
    assert call.name in ("sun", "rain")
    assert call.arguments in ({"city": "Rome"}, {"city": "Oslo"})
    assert answer.only.finish == "tool_calls"
    assert answer.text == ""
    tool = endpoint.function("sun", PARAMETERS, True)
    assert endpoint.refused(tools=[tool] * 129).param == "tools"


@effect("tool_choice")
def tool_choice(endpoint: Endpoint) -> None:
    """none forbids calls, required demands one, a name demands that one, auto leaves it to the model."""
    assert _names(endpoint.ask(**_saying(endpoint, CALL), tool_choice="none")) == []
    assert _names(endpoint.ask(**_saying(endpoint, CALL), tool_choice="auto")) == ["sun"]
    assert _names(endpoint.ask(**_saying(endpoint, CALL))) == ["sun"]
    assert _names(_ask(endpoint, tool_choice="auto", **{endpoint.limit: 8})) == []
    assert _names(_ask(endpoint, tool_choice="required", parallel_tool_calls=False))
    for name in ("sun", "rain"):
        assert _names(_ask(endpoint, tool_choice=endpoint.chosen(name))) == [name]
    assert (endpoint.refused(tool_choice="required").param or "").startswith("tool")


@effect("parallel_tool_calls")
def parallel_tool_calls(endpoint: Endpoint) -> None:
    """A model that calls twice is heard twice, or once."""
    assert _names(endpoint.ask(**calling_twice(endpoint), parallel_tool_calls=True)) == ["sun", "sun"]
    assert _names(endpoint.ask(**calling_twice(endpoint), parallel_tool_calls=False)) == ["sun"]


@effect("max_tool_calls", apis=(ApiKind.RESPONSES,))
def max_tool_calls(endpoint: Endpoint) -> None:
    """Bounds OpenAI's hosted tools, of which there are none here: repeated in the answer."""
    assert endpoint.ask(max_tool_calls=3).document["max_tool_calls"] == 3
