"""Responses as applications call them with openai-python."""

from __future__ import annotations

from typing import Any

from openai import APIError, Stream
from openai.types.responses import ResponseStreamEvent

from .connection import Forecast, connect
from .target import Target, describe

held: list[Stream[ResponseStreamEvent]] = []


def create(target: Target, **body: Any) -> dict[str, Any]:
    answer = connect(target).responses.create(**body)
    return {
        "answer": answer.model_dump(mode="json"),
        "text": answer.output_text,
        "request_id": answer._request_id,
    }


def stream(target: Target, **body: Any) -> list[Any]:
    with connect(target).responses.create(**body, stream=True) as events:
        return [event.model_dump(mode="json") for event in events]


def collect(target: Target, **body: Any) -> dict[str, Any]:
    """The `.stream()` helper: its text deltas and the answer that it put together."""
    with connect(target).responses.stream(**body) as events:
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        answer = events.get_final_response()
    return {"deltas": deltas, "text": answer.output_text, "answer": answer.model_dump(mode="json")}


def parse(target: Target, **body: Any) -> dict[str, Any]:
    return _read(connect(target).responses.parse(**body, text_format=Forecast).output_parsed)


def collect_parsed(target: Target, **body: Any) -> dict[str, Any]:
    with connect(target).responses.stream(**body, text_format=Forecast) as events:
        return _read(events.get_final_response().output_parsed)


def stream_to_failure(target: Target, **body: Any) -> dict[str, Any]:
    """What came before the failure, and the failure."""
    received = ""
    try:
        for event in connect(target).responses.create(**body, stream=True):
            received += event.delta if event.type == "response.output_text.delta" else ""
    except APIError as error:
        return {"received": received, "error": describe(error)}
    return {"received": received, "error": None}


def open_stream(target: Target, **body: Any) -> None:
    """Begins a stream and leaves it after the first text, still open."""
    held.append(connect(target).responses.create(**body, stream=True))
    while next(held[-1]).type != "response.output_text.delta":
        pass


def close_stream(target: Target) -> None:
    held.pop().close()


def retrieve_stored(target: Target, stored: str) -> Any:
    return connect(target).responses.retrieve(stored).model_dump(mode="json")


def _read(parsed: Forecast | None) -> dict[str, Any]:
    if not isinstance(parsed, Forecast):
        raise TypeError(f"not parsed: {parsed!r}")
    return parsed.model_dump(mode="json")
