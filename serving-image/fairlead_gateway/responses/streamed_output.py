"""The output items of a stream: which item a delta of the engine belongs to, and when items open and close.

Text and reasoning end when something else begins. Calls stay open until the answer ends, because parallel
calls may arrive interleaved and nothing in a chat stream marks a call as complete.
"""

from __future__ import annotations

from typing import Any

from .document import ResponseDocument
from .events import EventWriter
from .open_items import OpenCall, OpenItem, OpenMessage, OpenReasoning
from .output import Item


class StreamedOutput:
    """The items of one answer in the order in which they were opened."""

    def __init__(self, writer: EventWriter, document: ResponseDocument) -> None:
        self._writer, self._document, self._shape = writer, document, document.items
        self._items: list[OpenItem] = []
        self._text: OpenMessage | OpenReasoning | None = None
        self._by_id: dict[object, OpenCall] = {}
        self._by_number: dict[object, OpenCall] = {}
        self._latest: OpenItem | None = None
        self._waiting_logprobs: list[Item] = []
        self._thought_unseen = False

    def extend(self, delta: dict[str, Any], logprobs: list[Item]) -> None:
        """Adds one delta. Raises TypeError or AttributeError when it does not have a delta's form."""
        reasoning, content, calls = delta.get("reasoning"), delta.get("content"), delta.get("tool_calls")
        if reasoning and self._document.shows_reasoning:
            self._reasoning().extend(_string(reasoning))
        elif reasoning:
            self._thought_unseen = True
        if content:
            if self._thought_unseen:
                self._waiting_logprobs, self._thought_unseen = [], False
            self._message().extend(_string(content), self._waiting_logprobs + logprobs)
            self._waiting_logprobs = []
        elif logprobs and not reasoning and not calls:
            # A token that is only a part of a character or held back by a parser: its text comes later.
            self._waiting_logprobs += logprobs
        for call in calls or ():
            self._extend_call(call)

    def extend_text(self, text: str) -> bool:
        """Adds text that goes on where the last text ended; False if it does not."""
        if self._waiting_logprobs or not isinstance(self._text, OpenMessage):
            return False
        self._text.extend(text, [])
        return True

    def close(self, status: str) -> list[Item]:
        """Ends all items and returns them; an answer without any is an empty message.

        `status` goes to the item that was extended last: when an answer is cut off, it is cut there.
        """
        if not self._items:
            self._message()
        if isinstance(self._latest, OpenMessage):
            self._latest.add_logprobs(self._waiting_logprobs)
        for item in self._items:
            if item.closed is None:
                item.close(status if item is self._latest else "completed")
        return self._closed_or("completed")

    def broken_off(self) -> list[Item]:
        """The items of an answer that will not be finished."""
        return self._closed_or("incomplete")

    def _closed_or(self, status: str) -> list[Item]:
        return [item.closed or item.item(status) for item in self._items]

    def _reasoning(self) -> OpenReasoning:
        if isinstance(self._text, OpenReasoning):
            return self._text
        self._end_text()
        opened = OpenReasoning(self._writer, *self._place("rs"))
        self._open(opened)
        self._text = opened
        return opened

    def _message(self) -> OpenMessage:
        if isinstance(self._text, OpenMessage):
            return self._text
        self._end_text()
        opened = OpenMessage(self._writer, self._shape, *self._place("msg"))
        self._open(opened)
        self._text = opened
        return opened

    def _extend_call(self, delta: dict[str, Any]) -> None:
        self._end_text()
        self._waiting_logprobs = []
        function = delta.get("function") or {}
        call = self._call_of(delta) or self._open_call(delta, function)
        self._latest = call
        arguments = function.get("arguments")
        if arguments:
            call.extend(_string(arguments))

    def _call_of(self, delta: dict[str, Any]) -> OpenCall | None:
        """The call that a delta continues.

        Engines number calls and give the id once. Some repeat the id, some leave the number out, and some
        give the same number to all; an id of its own always makes a call of its own.
        """
        call_id, index = delta.get("id"), delta.get("index")
        if call_id:
            return self._by_id.get(call_id)
        if index is not None:
            return self._by_number.get(index)
        return self._latest if isinstance(self._latest, OpenCall) else None

    def _open_call(self, delta: dict[str, Any], function: dict[str, Any]) -> OpenCall:
        item_id, place = self._place("fc")
        call_id = _string(delta.get("id") or f"call_{item_id.removeprefix('fc_')}")
        name = _string(function.get("name") or "")
        opened = OpenCall(self._writer, self._shape, item_id, place, call_id, name)
        self._open(opened)
        self._by_id[call_id] = self._by_number[delta.get("index")] = opened
        return opened

    def _place(self, prefix: str) -> tuple[str, int]:
        index = len(self._items)
        return self._document.item_id(prefix, index), index

    def _open(self, item: OpenItem) -> None:
        self._items.append(item)
        self._latest = item

    def _end_text(self) -> None:
        if self._text is not None:
            self._waiting_logprobs = []
            self._text.close("completed")
            self._text = None


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value
