"""The event stream of a Response, from the engine's chat stream.

Bytes in, bytes out. Every item is opened before its deltas and closed before the next one; every stream
ends in exactly one of completed, incomplete and failed. A failure is told twice, as `error` and as
`response.failed`, because each half alone is missed by some client.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fairlead_gateway.contract.errors import ApiError, engine_failed
from fairlead_gateway.contract.sse import DONE, TRUNCATED, EventSplitter, error_of, split_events

from .document import base_document, ending, output_text, to_logprobs, to_usage
from .parts import Event, OpenCall, OpenItem, OpenMessage, OpenReasoning
from .request import ResponsesRequest


class ResponseStream:
    """Turns one chat stream into one Responses stream.

    `clock` gives Unix seconds; it is asked when the stream starts and when it ends.
    """

    def __init__(self, request: ResponsesRequest, response_id: str, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._document = base_document(request, response_id, clock())
        self._token = response_id.removeprefix("resp_")
        self._splitter = EventSplitter()
        self._sequence = 0
        self._open: OpenItem | None = None
        self._call_index: int | None = None
        self._finish_reason: object = None
        self.finished = False

    def start(self) -> bytes:
        """The two events that begin every stream."""
        created = self._render({"type": "response.created", "response": self._document})
        return created + self._render({"type": "response.in_progress", "response": self._document})

    def feed(self, data: bytes) -> bytes:
        """The events for the engine's bytes. Nothing more comes after the end."""
        rendered = b""
        for event in split_events(self._splitter.feed(data)):
            if self.finished:
                break
            rendered += self._on_event(event)
        return rendered

    def end(self) -> bytes:
        """What to send when the engine closed the connection: a failure unless the answer was complete."""
        return b"" if self.finished else self._finish()

    def fail(self, error: ApiError) -> bytes:
        """The two events that end a stream that cannot go on."""
        if self.finished:
            return b""
        self.finished = True
        detail = error.detail()
        flat = {"type": "error", "code": error.code, "message": error.message, "param": error.param}
        self._document["status"] = "failed"
        self._document["error"] = {"code": "server_error", "message": error.message}
        self._document["output_text"] = output_text(self._document["output"])
        failed = {"type": "response.failed", "response": self._document}
        return self._render(flat | {"error": detail}) + self._render(failed)

    def _on_event(self, event: bytes) -> bytes:
        if event == DONE:
            return self._finish()
        error = error_of(event)
        if error is not None:
            return self.fail(error)
        try:
            chunk = json.loads(event.removeprefix(b"data: "))
        except ValueError:
            return self.fail(engine_failed("The engine's stream is not readable."))
        return b"".join(self._render(event) for event in self._on_chunk(chunk))

    def _on_chunk(self, chunk: dict[str, Any]) -> list[Event]:
        self._document["model"] = chunk.get("model", self._document["model"])
        if chunk.get("usage"):
            self._document["usage"] = to_usage(chunk["usage"])
        events: list[Event] = []
        for choice in chunk.get("choices", []):
            events += self._on_delta(choice.get("delta") or {}, choice)
            self._finish_reason = choice.get("finish_reason") or self._finish_reason
        return events

    def _on_delta(self, delta: dict[str, Any], choice: dict[str, Any]) -> list[Event]:
        events: list[Event] = []
        if delta.get("reasoning"):
            item = self._open if isinstance(self._open, OpenReasoning) else None
            if item is None:
                item = OpenReasoning(*self._next_place("rs"))
                events += self._switch_to(item)
            events += item.extend(delta["reasoning"])
        if delta.get("content"):
            message = self._open if isinstance(self._open, OpenMessage) else None
            if message is None:
                message = OpenMessage(*self._next_place("msg"))
                events += self._switch_to(message)
            events += message.extend(delta["content"], to_logprobs(choice.get("logprobs")))
        for call in delta.get("tool_calls") or []:
            events += self._on_call(call)
        return events

    def _on_call(self, call: dict[str, Any]) -> list[Event]:
        """A call's first delta names it, the others only carry arguments under the same index."""
        events: list[Event] = []
        function = call.get("function") or {}
        current = self._open if isinstance(self._open, OpenCall) else None
        if current is None or call.get("index") != self._call_index:
            item_id, index = self._next_place("fc")
            current = OpenCall(
                item_id, index, call.get("id") or f"call_{item_id}", function.get("name") or ""
            )
            events += self._switch_to(current)
            self._call_index = call.get("index")
        if function.get("arguments"):
            events += current.extend(function["arguments"])
        return events

    def _next_place(self, prefix: str) -> tuple[str, int]:
        index = len(self._document["output"]) + (self._open is not None)
        return f"{prefix}_{self._token}{index}", index

    def _switch_to(self, item: OpenItem) -> list[Event]:
        events = self._close_item("completed")
        self._open = item
        return events + item.open()

    def _close_item(self, status: str) -> list[Event]:
        if self._open is None:
            return []
        events, item = self._open.close(status)
        self._document["output"].append(item)
        self._open = None
        return events

    def _finish(self) -> bytes:
        if self._finish_reason is None:
            return self.fail(engine_failed(TRUNCATED))
        status, details = ending(self._finish_reason)
        if status == "failed":
            return self.fail(engine_failed(f"The engine ended the answer with '{self._finish_reason}'."))
        events: list[Event] = []
        if self._open is None and not self._document["output"]:
            events += self._switch_to(OpenMessage(*self._next_place("msg")))
        events += self._close_item(status)
        self.finished = True
        self._document |= {"status": status, "incomplete_details": details}
        self._document["output_text"] = output_text(self._document["output"])
        if status == "completed":
            self._document["completed_at"] = self._clock()
        events.append({"type": f"response.{status}", "response": self._document})
        return b"".join(self._render(event) for event in events)

    def _render(self, event: Event) -> bytes:
        data = json.dumps({"type": event["type"], "sequence_number": self._sequence} | event)
        self._sequence += 1
        return f"event: {event['type']}\ndata: {data}\n\n".encode()
