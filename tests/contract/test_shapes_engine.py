"""vLLM 0.32.0 and the gateway agree about the shape of requests, and what it refuses is explained."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from fairlead_gateway.contract.chat import ChatAdapter
from fairlead_gateway.contract.errors import ApiError, from_engine_body
from fairlead_gateway.contract.messages import check_messages
from fairlead_gateway.contract.request import prepare_chat

from . import shapes
from .support import CALL as THIS_CALL
from .support import MINIMAL, OPENAI
from .vllm_requests import VllmRequests

pytestmark = pytest.mark.engine

TEXT = {"type": "text", "text": "x"}
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.fixture(scope="module")
def vllm() -> Iterator[VllmRequests]:
    running = VllmRequests()
    yield running
    running.close()


def refusal(messages: list[Any]) -> ApiError | None:
    """Checks the messages in place."""
    try:
        check_messages(messages, ())
    except ApiError as error:
        return error
    return None


@settings(max_examples=1000, deadline=None)
@given(messages=shapes.messages())
def test_messages_that_the_gateway_accepts_are_accepted_by_vllm_and_refusals_have_a_path(
    vllm: VllmRequests, messages: list[Any]
) -> None:
    received = copy.deepcopy(messages)
    error = refusal(messages)
    if error is None:
        assert vllm.error(messages=messages) is None, received
    else:
        assert (error.status, str(error.param)[:9]) == (400, "messages["), received


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user"},
        {"role": "", "content": "x"},
        {"role": "ipython", "content": ["x"]},
        {"role": "user", "content": ["x", TEXT]},
        {"role": "user", "content": [{"type": "input_text", "text": "x"}, TEXT]},
        {"role": "user", "content": [{"type": "text", "text": None}, TEXT]},
        {"role": "user", "content": [{"image_url": "data:image/png;base64,AA"}]},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "A"}}, TEXT]},
        {"role": "user", "content": [{"type": "tool_reference"}]},
        {"role": "user", "content": "x", "tool_calls": [{"a": 1}], "tools": 5, "task": 5, "tool_call_id": 5},
        {"role": "system", "content": [{"type": "video_url", "video_url": {"url": "data:,"}}]},
        {"role": "assistant", "content": "x", "function_call": 5, "refusal": 5, "audio": 5},
        {"role": "assistant", "content": "x", "reasoning": {"a": 1}},
        {"role": "assistant", "content": "x", "tool_calls": {}},
        {"role": "tool", "content": "x", "name": 5, "tool_call_id": "1"},
        {"role": "function", "content": None, "name": "f"},
        {"role": "developer", "content": "x", "tools": 5},
    ],
)
def test_unusual_messages_that_vllm_accepts_are_accepted(vllm: VllmRequests, message: Any) -> None:
    assert vllm.error(messages=[message]) is None
    assert refusal([message]) is None
    assert vllm.error(messages=[message]) is None


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "x", "name": None},
        {"role": "user", "content": ["x"]},
        {"role": "user", "content": [{"type": "input_text", "text": "x"}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,", "detail": None}}]},
        {
            "role": "user",
            "content": [{"type": "input_audio", "input_audio": {"data": "A", "format": "flac"}}],
        },
        {"role": "assistant", "content": None, "tool_calls": None},
        {
            "role": "assistant",
            "content": None,
            "refusal": None,
            "audio": None,
            "function_call": None,
            "name": None,
        },
    ],
)
def test_harmless_messages_that_vllm_refuses_are_served(vllm: VllmRequests, message: Any) -> None:
    assert vllm.error(messages=[message]) is not None
    assert refusal([message]) is None
    assert vllm.error(messages=[message]) is None


def messages(*parts: Any, **fields: Any) -> dict[str, Any]:
    content = [TEXT, *parts] if parts else "x"
    return {"messages": [{"role": "user", "content": content} | fields]}


def calls(*found: Any) -> dict[str, Any]:
    return {"messages": [{"role": "assistant", "content": None, "tool_calls": list(found)}]}


def tools(**function: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": "f"} | function}]}


BAD_BODIES: list[tuple[dict[str, Any], str]] = [
    (messages(name=5), "messages[0].name"),
    (messages(content=None), "messages[0].content"),
    (messages(content=5), "messages[0].content"),
    (messages(content={"type": "text"}), "messages[0].content"),
    (messages(role=None), "messages[0].role"),
    (messages(5), "messages[0].content[1]"),
    (messages({"type": "image", "image": "x"}), "messages[0].content[1].type"),
    (messages({"type": "file", "file": {"file_id": "x"}}), "messages[0].content[1].type"),
    (messages({"x": 1}), "messages[0].content[1].type"),
    (messages({"type": "image_url", "image_url": "data:,"}), "messages[0].content[1].image_url"),
    (
        messages({"type": "image_url", "image_url": {"url": "data:,", "detail": "best"}}),
        "messages[0].content[1].image_url.detail",
    ),
    (messages({"type": "text", "text": 5}), "messages[0].content[1].text"),
    (messages({"type": "thinking", "thinking": 5}), "messages[0].content[1].thinking"),
    (messages({"type": "video_url", "video_url": "data:,"}), "messages[0].content[1].video_url"),
    ({"messages": ["x"]}, "messages[0]"),
    ({"messages": "x"}, "messages"),
    (calls(5), "messages[0].tool_calls[0]"),
    (calls(CALL, CALL | {"id": None}), "messages[0].tool_calls[1].id"),
    (calls({"id": "1", "function": {"name": "f", "arguments": "{}"}}), "messages[0].tool_calls[0].type"),
    (
        calls(CALL | {"function": {"name": "f", "arguments": {}}}),
        "messages[0].tool_calls[0].function.arguments",
    ),
    (
        calls(CALL | {"type": "custom", "custom": {"name": "f", "input": "x"}}),
        "messages[0].tool_calls[0].type",
    ),
    (tools(description=5), "tools[0].function.description"),
    (tools(parameters="{}"), "tools[0].function.parameters"),
    (tools(strict="maybe"), "tools[0].function.strict"),
    ({"tools": [{"type": "function"}]}, "tools[0].function"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"stop": [5]}, "stop[0]"),
    ({"logit_bias": {"5": "x"}}, "logit_bias.5"),
    ({"top_k": 1.5}, "top_k"),
    ({"reasoning_effort": "huge"}, "reasoning_effort"),
]


@pytest.mark.parametrize(("body", "param"), BAD_BODIES)
def test_messages_that_vllm_refuses_are_refused_with_their_path(
    vllm: VllmRequests, body: dict[str, Any], param: str
) -> None:
    assert vllm.error(**(MINIMAL | body)) is not None
    with pytest.raises(ApiError) as caught:
        prepare_chat(json.dumps(MINIMAL | body).encode(), OPENAI)

    assert (caught.value.status, caught.value.param) == (400, param)
    assert f"'{param}" in caught.value.message


@pytest.mark.parametrize("body", [body for body, _ in BAD_BODIES])
def test_a_type_error_of_vllm_becomes_one_sentence_with_the_request_path(
    vllm: VllmRequests, body: dict[str, Any]
) -> None:
    (name,) = body
    allowed = json.dumps(MINIMAL | {name: {"messages": MINIMAL["messages"]}.get(name)}).encode()
    adapter = ChatAdapter(allowed, OPENAI, THIS_CALL)
    answer = vllm.error(**(MINIMAL | body))
    explained = adapter.attribute_error(from_engine_body(400, json.dumps(answer).encode()))

    assert explained.status == 400
    assert str(explained.param).startswith(name)
    assert not any(word in explained.message for word in ("validation error", "Param", "'loc'", "pydantic"))
    assert "\n" not in explained.message
