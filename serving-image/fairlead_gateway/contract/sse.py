"""Server-sent events: cutting the engine's byte stream into events, and relaying a chat stream.

A stream that breaks off must never look like one that ended: SDKs take a clean end for a complete answer.
So the relay knows whether the engine finished, and ends every other stream with an error event.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from .errors import ApiError, engine_failed, from_engine

EVENT_END = b"\n\n"
DONE = b"data: [DONE]"
# Inside a JSON string the quote would be escaped, so this cannot be part of generated text.
ERROR_START = b'data: {"error"'
TRUNCATED = "The engine stopped before the answer was complete."


class EventSplitter:
    """Collects bytes, gives whole events. Events end with an empty line, as vLLM writes them."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """The bytes of all events completed by `data`, including their ends."""
        data = self._rest + data
        end = data.rfind(EVENT_END)
        if end < 0:
            self._rest = data
            return b""
        end += len(EVENT_END)
        self._rest = data[end:]
        return data[:end]


def split_events(data: bytes) -> Iterator[bytes]:
    """The single events, without their ends, of bytes that hold whole events."""
    for event in data.split(EVENT_END):
        if event:
            yield event


def error_of(event: bytes) -> ApiError | None:
    """The error that an engine's event carries, if it is one."""
    if not event.startswith(ERROR_START):
        return None
    try:
        error = json.loads(event.removeprefix(b"data: "))["error"]
    except (ValueError, KeyError):
        error = None
    if not isinstance(error, dict):
        return engine_failed("The engine reported an error without a reason.")
    return from_engine(500, error)


def error_event(error: ApiError) -> bytes:
    """The event that makes every SDK raise."""
    return b"data: " + error.body() + EVENT_END


class ChatRelay:
    """Engine bytes in, client bytes out, for a chat-completions stream.

    Whole events are forwarded as they are; an error event is put into our envelope and ends the stream.
    """

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self.finished = False

    def feed(self, data: bytes) -> bytes:
        """What to send on. Nothing more comes after an error or the end marker."""
        if self.finished:
            return b""
        events = self._splitter.feed(data)
        if ERROR_START in events:
            return self._until_error(events)
        end = events.find(DONE + EVENT_END)
        if end >= 0 and (end == 0 or events[:end].endswith(EVENT_END)):
            self.finished = True
        return events

    def end(self) -> bytes:
        """What to send when the engine closed the connection: an error unless the stream was complete."""
        return self.fail(engine_failed(TRUNCATED))

    def fail(self, error: ApiError) -> bytes:
        """What to send when the stream cannot go on."""
        if self.finished:
            return b""
        self.finished = True
        return error_event(error)

    def _until_error(self, events: bytes) -> bytes:
        forwarded = b""
        for event in split_events(events):
            error = error_of(event)
            if error is not None:
                return forwarded + self.fail(error)
            forwarded += event + EVENT_END
        return forwarded
