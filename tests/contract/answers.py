"""Answers as vLLM 0.32.0 writes them."""

from __future__ import annotations

import json
from typing import Any


def message(content: str | None = "x", **changes: Any) -> dict[str, Any]:
    nulls = dict.fromkeys(("refusal", "annotations", "audio", "function_call", "reasoning"))
    return {"role": "assistant", "content": content, **nulls, **changes}


def choice(index: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "index": index,
        "message": message(),
        "logprobs": None,
        "finish_reason": "stop",
        "stop_reason": None,
        "token_ids": None,
        "routed_experts": None,
        **changes,
    }


def completion(*choices: dict[str, Any], **changes: Any) -> dict[str, Any]:
    internal = ("prompt_logprobs", "prompt_token_ids", "prompt_text", "kv_transfer_params", "metrics")
    usage = {"prompt_tokens": 1, "total_tokens": 3, "completion_tokens": 2}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "tiny",
        "choices": list(choices) or [choice()],
        "service_tier": None,
        "system_fingerprint": "vllm",
        "usage": {**usage, "prompt_tokens_details": None, "completion_tokens_details": None},
        **dict.fromkeys(internal),
        **changes,
    }


def encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def chunk(delta: Any, finish: str | None = None, index: int = 0, **changes: Any) -> bytes:
    one = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish, "token_ids": None}
    document = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "tiny"}
    return b"data: " + encoded({**document, "choices": [one | changes]}) + b"\n\n"


DONE = b"data: [DONE]\n\n"
ENGINE_ERROR = (
    b'data: {"error": {"message": "boom", "type": "InternalServerError", "param": null, "code": 500}}\n\n'
)
