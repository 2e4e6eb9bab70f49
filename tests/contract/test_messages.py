"""The shape of messages: what is refused with its path, and what the engine gets of the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletionMessage

from fairlead_contract.parameters.bounds import MAX_SHORT_PARTS
from fairlead_gateway.contract.request import prepare_chat

from .support import MINIMAL, OPENAI, refusal, request

PIXEL = "data:image/png;base64,iVBORw0KGgo="
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
USER: dict[str, Any] = {"role": "user", "content": "hi"}


def written(message: Any) -> Any:
    """What the engine gets of a message behind another one."""
    return request(messages=[USER, message]).document["messages"][1]


def part(value: Any) -> Any:
    """What the engine gets of a content part."""
    return written({"role": "user", "content": [value]})["content"][0]


def call(**changes: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": [CALL, CALL | changes]}


def function(**changes: Any) -> dict[str, Any]:
    return call(function={"name": "f", "arguments": "{}"} | changes)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "system", "content": "x"},
        {"role": "developer", "content": "x", "tools": [{"type": "function", "function": {"name": "f"}}]},
        {"role": "user", "content": "x", "name": "alice"},
        {"role": "user"},
        {"role": "user", "content": []},
        {"role": "assistant", "content": None},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "assistant", "content": "x", "reasoning": "y", "annotations": []},
        {"role": "tool", "content": "x", "tool_call_id": "1"},
        {"role": "tool", "content": "x"},
        {"role": "function", "content": "x", "name": "f"},
        {"role": "ipython", "content": "x"},
        {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}}]},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}}]},
        {"role": "user", "content": [{"type": "audio_url", "audio_url": {"url": PIXEL}}]},
        {"role": "user", "content": [{"type": "video_url", "video_url": {"url": PIXEL}}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "x"}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "closed": True}]},
        {"role": "tool", "content": [{"type": "tool_reference", "name": "f"}]},
    ],
)
def test_a_message_in_the_engines_form_is_forwarded_byte_for_byte(message: Any) -> None:
    body = json.dumps(MINIMAL | {"messages": [USER, message]}).encode()

    assert prepare_chat(body, OPENAI).body is body


@pytest.mark.parametrize(
    ("message", "path"),
    [
        ("hi", ""),
        (None, ""),
        (["hi"], ""),
        ({}, ".role"),
        ({"content": "x"}, ".role"),
        ({"role": None, "content": "x"}, ".role"),
        ({"role": 5, "content": "x"}, ".role"),
        ({"role": "user", "content": None}, ".content"),
        ({"role": "tool", "content": None, "tool_call_id": "1"}, ".content"),
        ({"role": "user", "content": 5}, ".content"),
        ({"role": "user", "content": {"type": "text", "text": "x"}}, ".content"),
        ({"role": "user", "content": "x", "name": 5}, ".name"),
        ({"role": "assistant", "content": "x", "name": ["a"]}, ".name"),
        ({"role": "tool", "content": "x", "tool_call_id": 5}, ".tool_call_id"),
        ({"role": "assistant", "tool_calls": 5}, ".tool_calls"),
        ({"role": "assistant", "tool_calls": "f()"}, ".tool_calls"),
        ({"role": "assistant", "tool_calls": CALL}, ".tool_calls"),
        ({"role": "assistant", "tool_calls": ["f"]}, ".tool_calls[0]"),
        (call(id=None), ".tool_calls[1].id"),
        (call(id=5), ".tool_calls[1].id"),
        (call(type=None), ".tool_calls[1].type"),
        (call(type="custom"), ".tool_calls[1].type"),
        (call(type="web_search"), ".tool_calls[1].type"),
        (call(function=None), ".tool_calls[1].function"),
        (call(function="f"), ".tool_calls[1].function"),
        (function(name=None), ".tool_calls[1].function.name"),
        (function(arguments=None), ".tool_calls[1].function.arguments"),
        (function(arguments={"a": 1}), ".tool_calls[1].function.arguments"),
    ],
)
def test_an_error_in_a_message_has_its_path(message: Any, path: str) -> None:
    error = refusal(messages=[USER, message])

    assert error.param == f"messages[1]{path}"
    assert f"'messages[1]{path}'" in error.message


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (None, ""),
        (5, ""),
        (["text"], ""),
        ({}, ".type"),
        ({"text": "x"}, ".type"),
        ({"type": None, "text": "x"}, ".type"),
        ({"type": ["text"], "text": "x"}, ".type"),
        ({"type": "image", "image": "x"}, ".type"),
        ({"type": "file", "file": {"file_id": "x"}}, ".type"),
        ({"type": "prompt_embeds", "data": "x"}, ".type"),
        ({"type": "text"}, ".text"),
        ({"type": "text", "content": "x"}, ".text"),
        ({"type": "text", "text": 5}, ".text"),
        ({"type": "refusal"}, ".refusal"),
        ({"type": "thinking", "thinking": None}, ".thinking"),
        ({"type": "image_url"}, ".image_url"),
        ({"type": "image_url", "image_url": None}, ".image_url"),
        ({"type": "image_url", "image_url": {}}, ".image_url.url"),
        ({"type": "image_url", "image_url": {"url": PIXEL, "detail": "best"}}, ".image_url.detail"),
        ({"type": "image_url", "image_url": {"url": PIXEL, "detail": 5}}, ".image_url.detail"),
        ({"type": "input_image"}, ".image_url"),
        ({"type": "input_image", "image_url": PIXEL, "detail": "best"}, ".detail"),
        ({"type": "video_url", "video_url": PIXEL}, ".video_url"),
        ({"type": "input_audio", "input_audio": "AAAA"}, ".input_audio"),
        ({"type": "input_audio", "input_audio": {"format": "wav"}}, ".input_audio.data"),
        ({"type": "input_audio", "input_audio": {"data": "A", "format": 5}}, ".input_audio.format"),
        ({"type": "tool_reference", "name": 5}, ".name"),
    ],
)
def test_an_error_in_a_content_part_has_its_path(value: Any, path: str) -> None:
    error = refusal(messages=[USER, {"role": "user", "content": ["see", value]}])

    assert error.param == f"messages[1].content[1]{path}"
    assert f"'messages[1].content[1]{path}'" in error.message


def test_an_unknown_content_part_type_is_refused_with_the_known_ones() -> None:
    message = refusal(messages=[{"role": "user", "content": [{"type": "image", "image": "x"}]}]).message

    assert all(f"'{kind}'" in message for kind in ("text", "image_url", "input_audio", "video_url"))


def test_messages_returned_by_openais_sdk_can_be_sent_back() -> None:
    returned = ChatCompletionMessage.model_validate(
        {"role": "assistant", "content": None, "tool_calls": [CALL]}
    )

    assert written(returned.model_dump()) == {"role": "assistant", "content": None, "tool_calls": [CALL]}


def test_null_message_fields_are_treated_as_absent() -> None:
    received = {"content": "x", "role": "assistant", "name": None, "refusal": None, "annotations": None}
    received |= {"audio": None, "function_call": None, "tool_calls": None, "reasoning_content": None}

    assert written(received) == {"role": "assistant", "content": "x"}


@pytest.mark.parametrize("role", ["user", "system", "developer", "assistant", "tool", "function", "ipython"])
@pytest.mark.parametrize("name", ["name", "tool_calls", "tool_call_id", "reasoning", "tools", "refusal", "x"])
def test_a_null_field_is_treated_as_absent_for_every_role(role: str, name: str) -> None:
    assert written({"role": role, "content": "x", name: None}) == {"role": role, "content": "x"}


def test_null_content_of_a_function_message_is_treated_as_absent() -> None:
    assert written({"role": "function", "name": "f", "content": None}) == {"role": "function", "name": "f"}


@pytest.mark.parametrize(
    "field",
    [
        {"tool_calls": 5},
        {"tool_calls": [CALL]},
        {"tools": 5},
        {"tool_call_id": 5},
        {"reasoning": {"effort": "high"}},
        {"task": 5},
        {"refusal": 5},
        {"audio": 5},
        {"function_call": "f"},
        {"author": {"role": "user"}},
    ],
)
def test_an_unused_message_field_does_not_fail_the_request(field: dict[str, Any]) -> None:
    assert written(USER | field) == USER


@pytest.mark.parametrize("calls", [{}, ""])
def test_empty_tool_calls_of_another_type_are_ignored(calls: Any) -> None:
    assert written({"role": "assistant", "content": "x", "tool_calls": calls}) == {
        "role": "assistant",
        "content": "x",
    }


@pytest.mark.parametrize(
    ("value", "engine"),
    [
        ("x", {"type": "text", "text": "x"}),
        ({"type": "input_text", "text": "x"}, {"type": "text", "text": "x"}),
        ({"type": "output_text", "text": "x"}, {"type": "text", "text": "x"}),
        ({"type": "text", "text": "x", "cache_control": None}, {"type": "text", "text": "x"}),
        ({"type": "text", "text": "x", "prompt_cache_breakpoint": 5}, {"type": "text", "text": "x"}),
        (
            {"type": "image_url", "image_url": {"url": PIXEL, "detail": None}},
            {"type": "image_url", "image_url": {"url": PIXEL}},
        ),
        ({"image_url": PIXEL}, {"type": "image_url", "image_url": {"url": PIXEL}}),
        ({"image_url": {"url": PIXEL}}, {"type": "image_url", "image_url": {"url": PIXEL}}),
        ({"video_url": PIXEL}, {"type": "video_url", "video_url": {"url": PIXEL}}),
        (
            {"type": "input_image", "image_url": PIXEL, "detail": "low"},
            {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
        ),
        ({"type": "input_image", "image_url": PIXEL}, {"type": "image_url", "image_url": {"url": PIXEL}}),
        (
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "flac"}},
            {"type": "audio_url", "audio_url": {"url": "data:audio/flac;base64,AA"}},
        ),
        ({"type": "thinking", "thinking": "x", "closed": None}, {"type": "thinking", "thinking": "x"}),
    ],
)
def test_content_parts_get_the_engines_form_in_every_message(value: Any, engine: Any) -> None:
    assert part(value) == engine


@pytest.mark.parametrize("empty", [{"type": "text", "text": None}, {"type": "refusal", "refusal": None}])
def test_a_content_part_without_text_is_left_out(empty: Any) -> None:
    assert written({"role": "assistant", "content": [empty, "x"]})["content"] == [
        {"type": "text", "text": "x"}
    ]


def test_a_body_with_changed_messages_is_encoded_again() -> None:
    prepared = request(messages=[USER | {"name": None}])

    assert json.loads(prepared.body)["messages"] == [USER]


def test_content_parts_without_a_type_have_their_own_bound() -> None:
    def content(number: int) -> list[Any]:
        return [{"role": "user", "content": [{"type": "text", "text": "x"}] * 5000 + ["x"] * number}]

    assert request(messages=content(MAX_SHORT_PARTS))
    error = refusal(messages=content(MAX_SHORT_PARTS + 1))
    assert error.param == "messages"
    assert str(MAX_SHORT_PARTS) in error.message


def test_content_parts_with_null_fields_have_no_such_bound() -> None:
    parts = [{"type": "text", "text": "x", "cache_control": None}] * (MAX_SHORT_PARTS + 1)

    assert request(messages=[{"role": "user", "content": parts}])
