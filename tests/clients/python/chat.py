"""Chat completions as applications call them with openai-python."""

from __future__ import annotations

from typing import Any

from openai import APIError, Stream
from openai.types.chat import ChatCompletionChunk

from .connection import Forecast, connect
from .target import Target, describe

held: list[Stream[ChatCompletionChunk]] = []


def create(target: Target, **body: Any) -> dict[str, Any]:
    answer = connect(target).chat.completions.create(**body)
    return {"answer": answer.model_dump(mode="json"), "request_id": answer._request_id}


def stream(target: Target, **body: Any) -> list[Any]:
    with connect(target).chat.completions.create(**body, stream=True) as chunks:
        return [chunk.model_dump(mode="json") for chunk in chunks]


def collect(target: Target, **body: Any) -> dict[str, Any]:
    """The `.stream()` helper: its events and the answer that it put together."""
    with connect(target).chat.completions.stream(**body) as events:
        seen = [event for event in events if event.type != "chunk"]
        answer = events.get_final_completion()
    return {
        "deltas": [event.delta for event in seen if event.type == "content.delta"],
        "contents": [event.content for event in seen if event.type == "content.done"],
        "calls": [
            {"name": event.name, "arguments": event.arguments}
            for event in seen
            if event.type == "tool_calls.function.arguments.done"
        ],
        "answer": answer.model_dump(mode="json"),
    }


def parse(target: Target, **body: Any) -> dict[str, Any]:
    answer = connect(target).chat.completions.parse(**body, response_format=Forecast)
    return _read(answer.choices[0].message.parsed)


def collect_parsed(target: Target, **body: Any) -> dict[str, Any]:
    with connect(target).chat.completions.stream(**body, response_format=Forecast) as events:
        return _read(events.get_final_completion().choices[0].message.parsed)


def stream_to_failure(target: Target, **body: Any) -> dict[str, Any]:
    """What came before the failure, and the failure."""
    received = ""
    try:
        for chunk in connect(target).chat.completions.create(**body, stream=True):
            received += chunk.choices[0].delta.content or ""
    except APIError as error:
        return {"received": received, "error": describe(error)}
    return {"received": received, "error": None}


def open_stream(target: Target, **body: Any) -> None:
    """Begins a stream and leaves it after the first chunk, still open."""
    held.append(connect(target).chat.completions.create(**body, stream=True))
    next(held[-1])


def close_stream(target: Target) -> None:
    held.pop().close()


def retrieve_stored(target: Target, stored: str) -> Any:
    return connect(target).chat.completions.retrieve(stored).model_dump(mode="json")


def _read(parsed: Forecast | None) -> dict[str, Any]:
    if not isinstance(parsed, Forecast):
        raise TypeError(f"not parsed: {parsed!r}")
    return parsed.model_dump(mode="json")
