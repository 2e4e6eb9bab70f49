"""The chunks of a stream that a rule must look into: reasoning, the answer's id, tool calls."""

from __future__ import annotations

from typing import Any

import orjson

from .response_transform import Reasoning, ResponseTransform
from .shaping import place_reasoning
from .sse import NONSENSE

Json = dict[str, Any]

_DATA = b"data: "


def index_of(call: Json, place: int) -> Any:
    """Which call of its choice a delta belongs to; some engines say it by the place in the list only."""
    return place if call.get("index") is None else call["index"]


def own_call_id(token: str, choice: int, index: Any) -> str:
    """The id of a call to which the engine has given none."""
    return f"call_{token}_{choice}_{index}"


def chunk_rewriter(transform: ResponseTransform, token: str) -> ChunkRewriter | None:
    """The rewriter of the chunks of a stream; None if no chunk can need it."""
    # Inside a JSON string the quotes would be escaped, so text of the model never looks like one of these.
    needles = []
    if transform.reasoning is not Reasoning.AS_RECEIVED:
        needles.append(b'"reasoning":')
    if transform.tools:
        needles += [b'"tool_calls":', b'"delta":null']
    if transform.request_id is not None:
        needles.append(b'"id":')
    if transform.selection is not None:
        needles.append(b'"choices":')
    return ChunkRewriter(transform, token, tuple(needles)) if needles else None


class ChunkRewriter:
    """Changes the chunks that hold one of the needles."""

    def __init__(self, transform: ResponseTransform, token: str, needles: tuple[bytes, ...]) -> None:
        self._transform = transform
        self._token = token
        self._needles = needles
        self._calls: set[tuple[int, int]] = set()

    def concerns(self, events: bytes) -> bool:
        """Whether one of these events may need a change."""
        return any(needle in events for needle in self._needles)

    def __call__(self, event: bytes) -> bytes:
        """The chunk of an event as the client gets it. Raises ValueError if it is none."""
        try:
            chunk = orjson.loads(event.removeprefix(_DATA))
            self._change(chunk)
            return _DATA + orjson.dumps(chunk)
        except (KeyError, TypeError, AttributeError):
            raise ValueError(NONSENSE) from None

    def _change(self, chunk: Json) -> None:
        if self._transform.request_id is not None:
            chunk["id"] = self._transform.request_id
        selection = self._transform.selection
        if selection is not None:  # only beams are selected in a stream, and they come the best first
            chunk["choices"] = [choice for choice in chunk["choices"] if choice["index"] < selection.n]
        for choice in chunk["choices"]:
            delta = choice["delta"] = choice.get("delta") or {}
            if "reasoning" in delta:
                place_reasoning(delta, self._transform.reasoning)
                if self._transform.reasoning is Reasoning.DROPPED:
                    # They spell the reasoning out, token by token.
                    choice["logprobs"] = None
            if delta.get("tool_calls"):
                self._place_calls(delta, choice.get("index", 0))

    def _place_calls(self, delta: Json, choice: int) -> None:
        calls = enumerate(delta["tool_calls"])
        delta["tool_calls"] = [self._call(choice, place, call) for place, call in calls]
        if delta.get("content", "") is None:
            del delta["content"]

    def _call(self, choice: int, place: int, call: Json) -> Json:
        """The first delta of a call has id, type and name, later ones only arguments.

        SDKs join what comes twice, lose calls without an index and trip over nulls.
        """
        index = index_of(call, place)
        function = call.get("function") or {}
        arguments = function.get("arguments") or ""
        if (choice, index) in self._calls:
            return {"index": index, "function": {"arguments": arguments}}
        self._calls.add((choice, index))
        return {
            "index": index,
            "id": call.get("id") or own_call_id(self._token, choice, index),
            "type": "function",
            "function": {"name": function.get("name") or "", "arguments": arguments},
        }
