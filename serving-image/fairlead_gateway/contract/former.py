"""Helpers of the former responses translation; they go when nothing imports them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

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
