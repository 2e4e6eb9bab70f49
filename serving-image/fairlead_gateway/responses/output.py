"""The output items of a Response, whole: what a finished or a just opened item looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from .namespaces import NamespacedName

Item = dict[str, Any]

# The one parameter of the function that replaces a custom tool.
CUSTOM_INPUT = "input"


@dataclass(frozen=True)
class ItemShape:
    """The differences between items of one request and another.

    `message_extras` are further keys of a message. By the engine's names, `custom_tools` are the tools that
    take plain text instead of JSON, and `namespaces` the functions in a namespace.
    """

    message_extras: Mapping[str, Any] = field(default_factory=dict)
    custom_tools: frozenset[str] = frozenset()
    namespaces: Mapping[str, NamespacedName] = field(default_factory=dict)

    def message(self, item_id: str, content: list[Item], status: str) -> Item:
        """An assistant message."""
        item = {"id": item_id, "type": "message", "role": "assistant", "status": status, "content": content}
        return item | dict(self.message_extras)

    def call(self, item_id: str, call_id: str, name: str, arguments: str, status: str) -> Item:
        """A call of a function or of a custom tool, whichever the engine's name belongs to."""
        call = {"id": item_id, "call_id": call_id, "name": name, "status": status}
        if name in self.namespaces:
            call["namespace"], call["name"] = self.namespaces[name]
        if name in self.custom_tools:
            return call | {"type": "custom_tool_call", "input": custom_input(arguments)}
        return call | {"type": "function_call", "arguments": arguments}


def reasoning_item(item_id: str, content: list[Item], status: str) -> Item:
    """The model's reasoning before its answer. There is no summary: this service does not summarise."""
    return {"id": item_id, "type": "reasoning", "summary": [], "content": content, "status": status}


def text_part(text: str, logprobs: list[Item]) -> Item:
    """A text part; the engine makes no annotations."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}


def reasoning_part(text: str) -> Item:
    """A part of a reasoning item."""
    return {"type": "reasoning_text", "text": text}


def custom_input(arguments: str) -> str:
    """The text that a custom tool gets, from the arguments of the function that replaces it.

    Arguments that are not of the expected form (the answer was cut off) are given as they are.
    """
    try:
        value = orjson.loads(arguments)[CUSTOM_INPUT]
    except (ValueError, LookupError, TypeError):
        return arguments
    return value if isinstance(value, str) else arguments


def output_text(items: list[Item]) -> str:
    """All text of the messages among the items."""
    parts = (part for item in items if item["type"] == "message" for part in item["content"])
    return "".join(part["text"] for part in parts)


def to_logprobs(logprobs: object) -> list[Item]:
    """Chat log probabilities of one choice or delta as those of a text part."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    return [entry for entry in content if isinstance(entry, dict)] if isinstance(content, list) else []


def logprobs_of(text: str, logprobs: list[Item]) -> list[Item]:
    """Those of an answer's log probabilities that belong to `text`, where the answer is more than text.

    The engine gives one entry per generated token, reasoning and calls included. Tokens that are only a part
    of a character spoil the search; then everything is given rather than something guessed.
    """
    tokens = [str(entry.get("token", "")) for entry in logprobs]
    begin = "".join(tokens).rfind(text)
    kept, position = [], 0
    for entry, token in zip(logprobs, tokens, strict=True):
        if begin < position + len(token) and position < begin + len(text):
            kept.append(entry)
        position += len(token)
    return kept if begin >= 0 else logprobs
