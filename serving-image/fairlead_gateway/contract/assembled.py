"""A whole answer made of the engine's stream.

vLLM 0.32 reads tool calls in two ways. Its reader of whole answers returns a call that was cut off as text,
markup included, where its reader of streams returns a call with the arguments so far. So an answer with a
forced call is requested as a stream, and is the same for all clients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from .chunks import index_of, own_call_id
from .errors import ApiError, engine_failed
from .sse import DONE, NONSENSE, TRUNCATED, error_of, split_events

Json = dict[str, Any]

_DATA = b"data: "
# As vLLM writes a whole message.
_EMPTY_MESSAGE: Json = {
    "role": "assistant",
    "content": None,
    "refusal": None,
    "annotations": None,
    "audio": None,
    "function_call": None,
    "tool_calls": [],
    "reasoning": None,
}
_TEXTS = ("content", "reasoning")


def assemble(stream: bytes, token: str, attribute_error: Callable[[ApiError], ApiError]) -> bytes:
    """The chat completion that a whole chat stream adds up to. `token` makes the ids of calls without one.

    Raises ApiError for an error in the stream, or if the stream is not complete or not one of chat chunks.
    """
    answer: Json = {}
    choices: dict[int, Json] = {}
    is_done = False
    for event in split_events(stream):
        if event.startswith(b":"):
            continue
        if is_done := event == DONE:
            break
        if (error := error_of(event)) is not None:
            raise attribute_error(error)
        try:
            _add(orjson.loads(event.removeprefix(_DATA)), answer, choices)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise engine_failed(NONSENSE) from None
    if not is_done or not choices or any(choice["finish_reason"] is None for choice in choices.values()):
        raise engine_failed(TRUNCATED)
    answer["choices"] = [_finished(choices[index], token) for index in sorted(choices)]
    return orjson.dumps(answer)


def _add(chunk: Json, answer: Json, choices: dict[int, Json]) -> None:
    if not answer:
        answer |= {**chunk, "object": "chat.completion"}
    if chunk.get("usage"):
        answer["usage"] = chunk["usage"]
    for part in chunk["choices"]:
        index = part.get("index", 0)
        choice = choices.get(index)
        if choice is None:
            message = {**_EMPTY_MESSAGE, "tool_calls": {}}
            choice = choices[index] = {"index": index, "message": message, "logprobs": None}
            choice |= {"finish_reason": None, "stop_reason": None}
        for name in ("finish_reason", "stop_reason"):
            if part.get(name) is not None:
                choice[name] = part[name]
        if part.get("logprobs"):
            _add_logprobs(part["logprobs"], choice)
        _add_delta(part.get("delta") or {}, choice["message"])


def _add_logprobs(found: Json, choice: Json) -> None:
    if choice["logprobs"] is None:
        choice["logprobs"] = {**found, "content": []}
    choice["logprobs"]["content"] += found.get("content") or []


def _add_delta(delta: Json, message: Json) -> None:
    for name in _TEXTS:
        if delta.get(name):
            message[name] = (message[name] or "") + delta[name]
    for place, part in enumerate(delta.get("tool_calls") or ()):
        call = message["tool_calls"].setdefault(
            index_of(part, place), {"id": None, "name": "", "arguments": ""}
        )
        function = part.get("function") or {}
        call["id"] = call["id"] or part.get("id")
        call["name"] = call["name"] or function.get("name") or ""
        call["arguments"] += function.get("arguments") or ""


def _finished(choice: Json, token: str) -> Json:
    calls = choice["message"]["tool_calls"]
    choice["message"]["tool_calls"] = [
        {
            "id": calls[index]["id"] or own_call_id(token, choice["index"], index),
            "type": "function",
            "function": {name: calls[index][name] for name in ("name", "arguments")},
        }
        for index in sorted(calls)
    ]
    return choice
