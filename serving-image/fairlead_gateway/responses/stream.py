"""The event stream of a Response, from the engine's chat stream.

Bytes in, bytes out. Every stream ends in exactly one of completed, incomplete and failed. A failure is sent
twice, as `error` and as `response.failed`, because some clients miss one of them.
"""

from __future__ import annotations

from typing import Any

import orjson

from fairlead_gateway.contract.errors import ApiError, engine_failed
from fairlead_gateway.contract.sse import DONE, TRUNCATED, EventSplitter, error_of, split_events

from .document import ResponseDocument, ending, failure
from .events import EventWriter
from .frame import TextFrame
from .naming import Naming
from .output import to_logprobs
from .streamed_output import StreamedOutput

_DATA = b"data: "
_COMMENT = b":"


class ResponseStream:
    """Turns one chat stream into one Responses stream. `naming` has the client's names for the engine's."""

    def __init__(self, document: ResponseDocument, naming: Naming) -> None:
        self._document, self._naming = document, naming
        self._writer = EventWriter()
        self._output = StreamedOutput(self._writer, document)
        self._splitter = EventSplitter()
        self._frame = TextFrame()
        self._model: str | None = None
        self._usage: object = None
        self._finish_reason: object = None
        self.finished = False
        self.error: ApiError | None = None

    def start(self) -> bytes:
        """The two events that begin every stream."""
        response = self._document.begun()
        self._writer.write("response.created", response=response)
        self._writer.write("response.in_progress", response=response)
        return self._writer.take()

    def feed(self, data: bytes) -> bytes:
        """The events for the engine's bytes. Nothing more comes after the end."""
        text_of, extend_text = self._frame.text, self._output.extend_text
        for event in split_events(self._splitter.feed(data)):
            if self.finished:
                break
            text = text_of(event)
            if not (text and extend_text(text)):
                self._on_event(event)
        return self._writer.take()

    def end(self) -> bytes:
        """The events to send when the engine has closed: a failure unless the answer was complete."""
        if not self.finished:
            self._finish()
        return self._writer.take()

    def fail(self, error: ApiError) -> bytes:
        """The two events that end a stream that cannot go on."""
        if not self.finished:
            self._fail(error)
        return self._writer.take()

    def _on_event(self, event: bytes) -> None:
        if event == DONE:
            self._finish()
            return
        if event.startswith(_COMMENT):
            return
        error = error_of(event)
        if error is not None:
            self._fail(self._naming.to_client(error))
            return
        try:
            chunk = orjson.loads(event.removeprefix(_DATA))
            self._on_chunk(chunk)
            text = _only_text(chunk)
            if text:
                self._frame.learn(event, text)
        except (ValueError, TypeError, AttributeError, KeyError):
            # Anything that is not a chat chunk ends here, whatever is wrong with it: checking each chunk for
            # what the engine never sends would cost every stream.
            self._fail(engine_failed("The engine's stream is not readable."))

    def _on_chunk(self, chunk: dict[str, Any]) -> None:
        for choice in chunk["choices"]:
            # Beam search answers with all its beams; the first is the best.
            if choice.get("index", 0) != 0:
                continue
            delta = choice.get("delta")
            if delta:
                self._output.extend(delta, to_logprobs(choice.get("logprobs")))
            elif choice.get("logprobs"):
                self._output.extend({}, to_logprobs(choice["logprobs"]))
            self._finish_reason = choice.get("finish_reason") or self._finish_reason
        if self._model is None:
            self._model = _checked_string(chunk.get("model", ""))
        if chunk.get("usage"):
            self._usage = chunk["usage"]

    def _finish(self) -> None:
        if self._finish_reason is None:
            self._fail(engine_failed(TRUNCATED))
            return
        status, details = ending(self._finish_reason)
        if status == "failed":
            self._fail(engine_failed(f"The engine ended the answer with '{self._finish_reason}'."))
            return
        self.finished = True
        output = self._output.close(status)
        response = self._document.ended(status, output, self._usage, self._model, details=details)
        self._writer.write(f"response.{status}", response=response)

    def _fail(self, error: ApiError) -> None:
        self.finished, self.error = True, error
        output = self._output.broken_off()
        failed = self._document.ended("failed", output, self._usage, self._model, error=failure(error))
        flat = {"code": error.code, "message": error.message, "param": error.param}
        self._writer.write("error", **flat, error=error.detail())
        self._writer.write("response.failed", response=failed)


def _only_text(chunk: dict[str, Any]) -> str:
    """The text of a chunk without other content, so that a chunk of the same form need not be parsed."""
    choices = chunk["choices"]
    if chunk.get("usage") or len(choices) != 1 or choices[0].get("index", 0) != 0:
        return ""
    if choices[0].get("finish_reason") or choices[0].get("logprobs"):
        return ""
    delta = choices[0].get("delta") or {}
    return str(delta["content"] or "") if delta.keys() == {"content"} else ""


def _checked_string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value
