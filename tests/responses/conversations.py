"""Conversations in the form of chat completions, and the same as items of the Responses API."""

from __future__ import annotations

from typing import Any

Message = dict[str, Any]

PIXEL = "data:image/png;base64,iVBORw0KGgo="
SOUND = {"type": "input_audio", "input_audio": {"data": "aaaa", "format": "wav"}}
FILM = {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,aaaa"}}
NOTHING = {"type": "text", "text": None}
HI = {"role": "user", "content": "hi"}


def called(*ids: str, arguments: str = "{}") -> list[Message]:
    function = {"name": "f", "arguments": arguments}
    return [{"id": call_id, "type": "function", "function": function} for call_id in ids]


def call_item(call_id: str, arguments: str = "{}") -> Message:
    return {"type": "function_call", "call_id": call_id, "name": "f", "arguments": arguments}


def result_item(call_id: str, output: Any) -> Message:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def result(call_id: str, content: Any) -> Message:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def texts(kind: str, *found: str) -> list[Message]:
    return [{"type": kind, "text": text} for text in found]


def image(**more: str) -> Message:
    return {"type": "image_url", "image_url": {"url": PIXEL} | more}


def turn(content: Any = None, **more: Any) -> Message:
    return {"role": "assistant", "content": content} | more


# Each conversation as chat completions have it, and as items of the Responses API.
PAIRS: dict[str, tuple[list[Message], list[Message]]] = {
    "text": ([HI], [HI]),
    "typed item": ([HI], [HI | {"type": "message"}]),
    "system": ([{"role": "system", "content": "a"}, HI], [{"role": "system", "content": "a"}, HI]),
    "name": ([HI | {"name": "bob"}], [HI | {"name": "bob"}]),
    "empty text": ([{"role": "user", "content": ""}], [{"role": "user", "content": ""}]),
    "several texts": (
        [{"role": "user", "content": texts("text", "a", "b")}],
        [{"role": "user", "content": texts("input_text", "a", "b")}],
    ),
    "image": (
        [{"role": "user", "content": [*texts("text", "a"), image(detail="low")]}],
        [
            {
                "role": "user",
                "content": [
                    *texts("input_text", "a"),
                    {"type": "input_image", "image_url": PIXEL, "detail": "low"},
                ],
            }
        ],
    ),
    "remote image": (
        [{"role": "user", "content": [image(url="https://images.example/a.png")]}],
        [
            {
                "role": "user",
                "content": [{"type": "input_image", "image_url": "https://images.example/a.png"}],
            }
        ],
    ),
    "sound": ([{"role": "user", "content": [SOUND]}], [{"role": "user", "content": [SOUND]}]),
    "film": ([{"role": "user", "content": [FILM]}], [{"role": "user", "content": [FILM]}]),
    "two turns": ([HI, turn("a"), HI], [HI, turn(texts("output_text", "a")), HI]),
    "several texts of an answer": (
        [HI, turn(texts("text", "a", "b")), HI],
        [HI, turn(texts("output_text", "a", "b")), HI],
    ),
    "refusal beside text": (
        [HI, turn(texts("text", "a", "no")), HI],
        [HI, turn([*texts("output_text", "a"), {"type": "refusal", "refusal": "no"}]), HI],
    ),
    "answer without content": ([HI, turn(), HI], [HI, turn(), HI]),
    "prefix of the answer": ([HI, turn("Sure,")], [HI, turn("Sure,")]),
    "call": (
        [HI, turn(tool_calls=called("1")), result("1", "r")],
        [HI, call_item("1"), result_item("1", "r")],
    ),
    "text before a call": (
        [HI, turn("a", tool_calls=called("1")), result("1", "r")],
        [HI, turn("a"), call_item("1"), result_item("1", "r")],
    ),
    "empty text before a call": (
        [HI, turn("", tool_calls=called("1")), result("1", "r")],
        [HI, turn(""), call_item("1"), result_item("1", "r")],
    ),
    "parallel calls": (
        [HI, turn(tool_calls=called("1", "2")), result("1", "r"), result("2", "s")],
        [HI, call_item("1"), call_item("2"), result_item("1", "r"), result_item("2", "s")],
    ),
    "a call without a result": ([HI, turn(tool_calls=called("1")), HI], [HI, call_item("1"), HI]),
    "a result without a call": ([HI, result("1", "r")], [HI, result_item("1", "r")]),
    "broken arguments": (
        [HI, turn(tool_calls=called("1", arguments='{"a')), result("1", "r")],
        [HI, call_item("1", '{"a'), result_item("1", "r")],
    ),
    "several texts of a result": (
        [HI, turn(tool_calls=called("1")), result("1", texts("text", "a", "b"))],
        [HI, call_item("1"), result_item("1", texts("input_text", "a", "b"))],
    ),
    "image as a result": (
        [HI, turn(tool_calls=called("1")), result("1", [image()])],
        [HI, call_item("1"), result_item("1", [{"type": "input_image", "image_url": PIXEL}])],
    ),
    "reasoning": (
        [HI, turn("a", reasoning="why"), HI],
        [HI, {"type": "reasoning", "summary": [], "content": texts("reasoning_text", "why")}, turn("a"), HI],
    ),
    "reasoning before a call": (
        [HI, turn(tool_calls=called("1"), reasoning="why"), result("1", "r")],
        [
            HI,
            {"type": "reasoning", "summary": texts("summary_text", "why")},
            call_item("1"),
            result_item("1", "r"),
        ],
    ),
}
# Conversations that items of OpenAI cannot express: they are accepted in the form of chat completions.
ONLY_CHAT: dict[str, list[Message]] = {
    "role of a chat template": [{"role": "document", "content": "a"}, HI],
    "function": [HI, {"role": "function", "name": "f", "content": "r"}],
    "name of an assistant": [HI, turn("a", name="bob"), HI],
    "name of a tool": [HI, turn(tool_calls=called("1")), result("1", "r") | {"name": "f"}],
    "result of no call": [HI, {"role": "tool", "content": "r"}],
    "text that is no part": [{"role": "user", "content": ["a", *texts("text", "b")]}],
    "text that is null": [{"role": "user", "content": [*texts("text", "a", "b"), NOTHING]}],
    "thinking": [HI, turn([{"type": "thinking", "thinking": "why"}, *texts("text", "a")]), HI],
    "image without a type": [{"role": "user", "content": [*texts("text", "a"), {"image_url": PIXEL}]}],
    "reasoning of an older name": [HI, turn("a", reasoning_content="why"), HI],
    "calls that are null": [HI, turn("a", tool_calls=None), HI],
    "no calls": [HI, turn("a", tool_calls=[]), HI],
    "absent fields as null": [
        HI,
        turn("a", refusal=None, audio=None, tool_calls=None),
        HI,
    ],
}
