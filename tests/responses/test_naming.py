"""Paths in errors are those of the Responses request, also where chat completions have another structure."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_gateway.contract.errors import ApiError, from_engine

from .asking import FUNCTION, adapter, refusal

PIXEL = "data:image/png;base64,iVBORw0KGgo="
BROKEN = FUNCTION | {"name": "g", "parameters": {"properties": {"a": {"type": "string", "pattern": "("}}}}


def content(part: Any) -> list[dict[str, Any]]:
    text = {"type": "input_text", "text": "x"}
    return [{"role": "user", "content": "x"}, {"role": "user", "content": [text, part]}]


def result(part: Any) -> list[dict[str, Any]]:
    call = {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"}
    return [call, {"type": "function_call_output", "call_id": "1", "output": [part]}]


@pytest.mark.parametrize(
    ("items", "param"),
    [
        (content({"type": "input_image", "image_url": "http://x/"}), "input[1].content[1].image_url"),
        (
            content({"type": "input_image", "image_url": PIXEL, "detail": "best"}),
            "input[1].content[1].detail",
        ),
        (
            content({"type": "image_url", "image_url": {"url": "http://x/"}}),
            "input[1].content[1].image_url.url",
        ),
        (
            content({"type": "input_audio", "input_audio": {"data": 5}}),
            "input[1].content[1].input_audio.data",
        ),
        (content({"type": "video_url"}), "input[1].content[1].video_url"),
        (content({"type": "image"}), "input[1].content[1].type"),
        (content(5), "input[1].content[1]"),
        (result({"type": "input_image", "image_url": "http://x/"}), "input[1].output[0].image_url"),
        ([{"role": "user", "content": "x", "name": 5}], "input[0].name"),
    ],
)
def test_an_error_in_an_input_item_has_its_path(items: Any, param: str) -> None:
    error = refusal(input=items)

    assert (error.status, error.param) == (400, param)
    assert f"'{param}'" in error.message


def test_a_schema_error_has_the_index_of_the_tool_as_sent() -> None:
    error = refusal(tools=[{"type": "web_search"}, FUNCTION, BROKEN])

    assert error.param == "tools[2].parameters.properties.a.pattern"
    assert f"'{error.param}'" in error.message


def explained(message: str, **fields: Any) -> ApiError:
    return adapter(**fields).attribute_error(from_engine(400, {"message": message, "param": None}))


def test_a_grammar_that_the_engine_cannot_compile_has_the_path_of_its_tool() -> None:
    tools = [{"type": "web_search"}, FUNCTION]
    error = explained("Invalid grammar specification.", tools=tools)

    assert error.param == "tools[1].parameters"
    assert "'tools[1].parameters'" in error.message


def test_the_allowed_tools_keep_their_paths() -> None:
    tools = [FUNCTION, FUNCTION | {"name": "g"}]
    choice = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "g"}]}
    error = explained("Invalid grammar specification.", tools=tools, tool_choice=choice)

    assert error.param == "tools[1].parameters"
