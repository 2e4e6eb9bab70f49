"""One output item while it is being streamed: the events that open it, extend it and close it."""

from __future__ import annotations

from typing import Any

from .document import Item, call_item, message_item, reasoning_item, text_part

Event = dict[str, Any]


class OpenMessage:
    """An assistant message that receives text."""

    def __init__(self, item_id: str, index: int) -> None:
        self._place = {"item_id": item_id, "output_index": index, "content_index": 0}
        self._item_id, self._index = item_id, index
        self._text: list[str] = []
        self._logprobs: list[Item] = []

    def open(self) -> list[Event]:
        item = message_item(self._item_id, "", [], "in_progress") | {"content": []}
        return [
            {"type": "response.output_item.added", "output_index": self._index, "item": item},
            {"type": "response.content_part.added", **self._place, "part": text_part("", [])},
        ]

    def extend(self, delta: str, logprobs: list[Item]) -> list[Event]:
        self._text.append(delta)
        self._logprobs += logprobs
        return [{"type": "response.output_text.delta", **self._place, "delta": delta, "logprobs": logprobs}]

    def close(self, status: str) -> tuple[list[Event], Item]:
        text = "".join(self._text)
        item = message_item(self._item_id, text, self._logprobs, status)
        return [
            {"type": "response.output_text.done", **self._place, "text": text, "logprobs": self._logprobs},
            {"type": "response.content_part.done", **self._place, "part": text_part(text, self._logprobs)},
            {"type": "response.output_item.done", "output_index": self._index, "item": item},
        ], item


class OpenReasoning:
    """A reasoning item that receives text."""

    def __init__(self, item_id: str, index: int) -> None:
        self._place = {"item_id": item_id, "output_index": index, "content_index": 0}
        self._item_id, self._index = item_id, index
        self._text: list[str] = []

    def open(self) -> list[Event]:
        item = reasoning_item(self._item_id, "", "in_progress")
        return [{"type": "response.output_item.added", "output_index": self._index, "item": item}]

    def extend(self, delta: str) -> list[Event]:
        self._text.append(delta)
        return [{"type": "response.reasoning_text.delta", **self._place, "delta": delta}]

    def close(self, status: str) -> tuple[list[Event], Item]:
        text = "".join(self._text)
        item = reasoning_item(self._item_id, text, status)
        return [
            {"type": "response.reasoning_text.done", **self._place, "text": text},
            {"type": "response.output_item.done", "output_index": self._index, "item": item},
        ], item


class OpenCall:
    """A function call that receives its arguments."""

    def __init__(self, item_id: str, index: int, call_id: str, name: str) -> None:
        self._place = {"item_id": item_id, "output_index": index}
        self._item_id, self._index, self._call_id, self._name = item_id, index, call_id, name
        self._arguments: list[str] = []

    def open(self) -> list[Event]:
        item = call_item(self._item_id, self._call_id, self._name, "", "in_progress")
        return [{"type": "response.output_item.added", "output_index": self._index, "item": item}]

    def extend(self, delta: str) -> list[Event]:
        self._arguments.append(delta)
        return [{"type": "response.function_call_arguments.delta", **self._place, "delta": delta}]

    def close(self, status: str) -> tuple[list[Event], Item]:
        arguments = "".join(self._arguments)
        item = call_item(self._item_id, self._call_id, self._name, arguments, status)
        done = {"type": "response.function_call_arguments.done", **self._place}
        return [
            done | {"name": self._name, "arguments": arguments},
            {"type": "response.output_item.done", "output_index": self._index, "item": item},
        ], item


OpenItem = OpenMessage | OpenReasoning | OpenCall
