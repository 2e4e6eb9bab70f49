"""Server-sent events: cutting the engine's byte stream into events, and relaying a chat stream.

A stream that breaks off must never look like one that ended: SDKs take a clean end for a complete answer.
So the relay knows whether the engine finished, and ends every other stream with an error event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import orjson

from fairlead_gateway.bounds import MAX_EVENT_BYTES

from .errors import ApiError, engine_failed, from_engine

EVENT_END = b"\n\n"
DONE = b"data: [DONE]"
# Inside a JSON string the quote would be escaped, so this cannot be part of generated text.
ERROR_START = b'data: {"error"'
# The same holds for these. A choice that goes on has null here.
FINISH = b'"finish_reason":"'
FINISH_SPACED = b'"finish_reason": "'
_REASON = b'"finish_reason":'
# How vLLM ends a choice that it could not complete. Clients would take it for a complete answer.
_BAD_ENDINGS = (b'"error"', b'"abort"', b' "error"', b' "abort"')
TRUNCATED = "The engine stopped before the answer was complete."
NONSENSE = "The engine's answer is not a chat completion."


def has_bad_ending(answer: bytes) -> bool:
    """Whether a choice of a whole answer, or of an event, ends as one that the engine could not complete.

    The search goes backwards: in a whole answer the reasons are near the end, and it takes half as long as a
    regular expression.
    """
    at = answer.rfind(_REASON)
    while at >= 0:
        if answer.startswith(_BAD_ENDINGS, at + len(_REASON)):
            return True
        at = answer.rfind(_REASON, 0, at)
    return False


def ended_badly() -> ApiError:
    """The engine gave up on an answer that it had begun."""
    return engine_failed(TRUNCATED)


class EventSplitter:
    """Collects bytes, gives whole events. Events end with an empty line, as vLLM writes them."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """The bytes of all events completed by `data`, including their ends.

        Raises ApiError for an event that does not end.
        """
        if not self._rest and data.endswith(EVENT_END):
            return data
        data = self._rest + data
        end = data.rfind(EVENT_END)
        if end < 0:
            if len(data) > MAX_EVENT_BYTES:
                raise engine_failed(f"The engine's event is larger than {MAX_EVENT_BYTES} bytes.")
            self._rest = data
            return b""
        end += len(EVENT_END)
        self._rest = data[end:]
        return data[:end]


def split_events(data: bytes) -> list[bytes]:
    """The single events, without their ends, of bytes that hold whole events."""
    return [event for event in data.split(EVENT_END) if event]


def error_of(event: bytes) -> ApiError | None:
    """The error that an engine's event carries, if it is one."""
    if not event.startswith(ERROR_START):
        return None
    try:
        error = orjson.loads(event.removeprefix(b"data: "))["error"]
    except (orjson.JSONDecodeError, KeyError):
        error = None
    if not isinstance(error, dict):
        return engine_failed("The engine reported an error without a reason.")
    return from_engine(500, error)


def error_event(error: ApiError) -> bytes:
    """The event that makes every SDK raise."""
    return b"data: " + error.body() + EVENT_END


class Rewrite(Protocol):
    """Changes events that a rule must look into."""

    def concerns(self, events: bytes) -> bool:
        """Whether any of these events may need a change."""
        ...

    def __call__(self, event: bytes) -> bytes:
        """The event, without its end, as the client gets it. Raises ValueError if it is no chunk."""
        ...


class ChatRelay:
    """Engine bytes in, client bytes out, for a chat-completions stream.

    Whole events are forwarded as they are unless `rewrite` is concerned; keys in `cut` are taken out as
    bytes. An error event is put into our envelope, with the text of `explain`, and ends the stream. The end
    marker counts only after each of the `choices` has finished.
    """

    def __init__(
        self,
        choices: int = 1,
        rewrite: Rewrite | None = None,
        cut: tuple[bytes, ...] = (),
        attribute_error: Callable[[ApiError], ApiError] = lambda error: error,
    ) -> None:
        self._splitter = EventSplitter()
        self._attribute_error = attribute_error
        self._open = choices
        self._rewrite = rewrite
        self._cut = cut
        self.finished = False
        self.error: ApiError | None = None

    def feed(self, data: bytes) -> bytes:
        """The bytes to send on. Nothing more comes after an error or the end marker."""
        if self.finished:
            return b""
        events = self._splitter.feed(data)
        if (
            ERROR_START in events
            or FINISH in events
            or FINISH_SPACED in events
            or DONE in events
            or (self._rewrite is not None and self._rewrite.concerns(events))
        ):
            return self._one_by_one(events)
        return self._without(events) if self._cut else events

    def end(self) -> bytes:
        """The bytes to send when the engine has closed: an error unless the stream was complete."""
        return self.fail(engine_failed(TRUNCATED))

    def fail(self, error: ApiError) -> bytes:
        """The bytes to send when the stream cannot go on."""
        if self.finished:
            return b""
        self.finished, self.error = True, error
        return error_event(error)

    def _without(self, events: bytes) -> bytes:
        for key in self._cut:
            events = events.replace(key, b"")
        return events

    def _one_by_one(self, events: bytes) -> bytes:
        *whole, rest = events.split(EVENT_END)
        sent: list[bytes] = []
        for event in whole:
            # An empty line more before an event means nothing.
            bare = event.lstrip(b"\n")
            failure = self._failure(bare)
            if failure is None and self._rewrite is not None and self._rewrite.concerns(event):
                try:
                    event = self._rewrite(bare)
                except ValueError:
                    failure = engine_failed(NONSENSE)
            if failure is not None:
                return b"".join(sent) + self.fail(failure)
            sent.append(self._without(event) + EVENT_END)
            if bare == DONE:
                self.finished = True
                return b"".join(sent)
        return b"".join(sent) + rest

    def _failure(self, event: bytes) -> ApiError | None:
        """Why the stream must not go on after this event, if so."""
        if event == DONE:
            return engine_failed(TRUNCATED) if self._open > 0 else None
        self._open -= event.count(FINISH) + event.count(FINISH_SPACED)
        if has_bad_ending(event):
            return ended_badly()
        error = error_of(event)
        return self._attribute_error(error) if error else None
