"""Checks every generation request passes, and the body that goes on to the engine.

The body is forwarded as received unless a rule fires. vLLM drops fields it does not know and refuses
explicit nulls on many it does, while SDKs send nulls freely: top-level nulls mean "absent" here.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NoReturn

from .errors import invalid, missing, model_not_found

# Fields with power over the engine or its other users; never taken from a client.
ENGINE_CONTROL_FIELDS = frozenset(
    {
        "cache_salt",
        "ec_transfer_params",
        "enable_response_messages",
        "kv_transfer_params",
        "logprob_token_ids",
        "media_io_kwargs",
        "mm_processor_kwargs",
        "previous_input_messages",
        "repetition_detection",
        "return_prompt_text",
        "return_token_ids",
        "routed_experts_prompt_start",
        "session_id",
        "stream_interval",
        "thinking_token_budget",
        "vllm_xargs",
        "watermarking",
    }
)


@dataclass(frozen=True)
class EngineRequest:
    """A checked request: the chat-completions body for the engine, and what the client must be told."""

    body: bytes
    stream: bool
    ignored: tuple[str, ...] = ()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a request body, or a 400."""
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise invalid("The request body is not valid JSON.", code="invalid_json") from None
    if not isinstance(document, dict):
        raise invalid("The request body must be a JSON object.", code="invalid_json")
    return document


def without_nulls(document: dict[str, Any]) -> dict[str, Any]:
    """The document without its top-level nulls."""
    return {name: value for name, value in document.items() if value is not None}


def check_model(document: dict[str, Any], served: Collection[str]) -> None:
    """Requires `model`, one of the served names."""
    model = document.get("model")
    if model is None or model == "":
        raise missing("model")
    if not isinstance(model, str):
        raise invalid("'model' must be a string.", "model", "invalid_type")
    if model not in served:
        raise model_not_found(model)


def check_stream(document: dict[str, Any]) -> bool:
    """Whether the client wants a stream."""
    stream = document.get("stream", False)
    if not isinstance(stream, bool):
        raise invalid("'stream' must be a boolean.", "stream", "invalid_type")
    return stream


def take_engine_controls(document: dict[str, Any]) -> tuple[str, ...]:
    """Removes the fields that clients may not set and returns their names, sorted."""
    found = tuple(sorted(ENGINE_CONTROL_FIELDS & document.keys()))
    for name in found:
        del document[name]
    return found


def prepare_chat(body: bytes, served: Collection[str]) -> EngineRequest:
    """A chat-completions request body checked and made ready for the engine, or an ApiError."""
    received = parse_object(body)
    document = without_nulls(received)
    check_model(document, served)
    messages = document.get("messages")
    if messages is None:
        raise missing("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid("'messages' must be a non-empty array.", "messages")
    stream = check_stream(document)
    ignored = take_engine_controls(document)
    unchanged = len(document) == len(received)
    return EngineRequest(body if unchanged else json.dumps(document).encode(), stream, ignored)
