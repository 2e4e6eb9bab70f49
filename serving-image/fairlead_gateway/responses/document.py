"""The Response object and its output items.

All keys of the specification are always there: strict readers fail on a missing or null one.
"""

from __future__ import annotations

from typing import Any

from .request import ResponsesRequest

Item = dict[str, Any]
Usage = dict[str, Any]

_DEFAULTS: dict[str, Any] = {
    "instructions": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "prompt_cache_key": None,
    "reasoning": None,
    "safety_identifier": None,
    "service_tier": "default",
    "temperature": 1.0,
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "truncation": "disabled",
    "user": None,
}


def base_document(request: ResponsesRequest, response_id: str, created_at: int) -> dict[str, Any]:
    """The Response object of a request that has just begun."""
    document = {name: request.received.get(name, default) for name, default in _DEFAULTS.items()}
    # "auto" asks the service to choose; what was chosen is the only tier there is.
    if document["service_tier"] == "auto":
        document["service_tier"] = "default"
    text = {"format": {"type": "text"}} | request.received.get("text", {})
    return document | {
        "id": response_id,
        "object": "response",
        "created_at": created_at,
        "completed_at": None,
        "status": "in_progress",
        "model": request.received["model"],
        "output": [],
        "output_text": "",
        "error": None,
        "incomplete_details": None,
        "previous_response_id": None,
        "max_output_tokens": request.max_output_tokens,
        "tools": [_tool(tool) for tool in request.tools],
        "text": text,
        "store": False,
        "background": False,
        "usage": None,
    }


def _tool(tool: Item) -> Item:
    return {"description": None, "parameters": None, "strict": None} | tool


def message_item(item_id: str, text: str, logprobs: list[Item], status: str) -> Item:
    """An assistant message with one text part."""
    return {
        "id": item_id,
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": [text_part(text, logprobs)],
    }


def text_part(text: str, logprobs: list[Item]) -> Item:
    """A text part; the engine makes no annotations."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}


def call_item(item_id: str, call_id: str, name: str, arguments: str, status: str) -> Item:
    """A function call."""
    return {
        "id": item_id,
        "type": "function_call",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
        "status": status,
    }


def reasoning_item(item_id: str, text: str, status: str) -> Item:
    """What the model thought before it answered."""
    content = [{"type": "reasoning_text", "text": text}] if text else []
    return {"id": item_id, "type": "reasoning", "summary": [], "content": content, "status": status}


def output_text(items: list[Item]) -> str:
    """All text of the messages among the items."""
    parts = (part for item in items if item["type"] == "message" for part in item["content"])
    return "".join(part["text"] for part in parts if part["type"] == "output_text")


def to_logprobs(logprobs: object) -> list[Item]:
    """Chat log probabilities of one choice or delta as those of a text part."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    return list(content) if isinstance(content, list) else []


def to_usage(usage: object) -> Usage | None:
    """Chat usage as Responses usage, with the details that clients require."""
    if not isinstance(usage, dict):
        return None
    prompt = usage.get("prompt_tokens_details") or {}
    completion = usage.get("completion_tokens_details") or {}
    return {
        "input_tokens": usage.get("prompt_tokens", 0),
        "input_tokens_details": {"cached_tokens": prompt.get("cached_tokens") or 0, "cache_write_tokens": 0},
        "output_tokens": usage.get("completion_tokens", 0),
        "output_tokens_details": {"reasoning_tokens": completion.get("reasoning_tokens") or 0},
        "total_tokens": usage.get("total_tokens", 0),
    }


def ending(finish_reason: object) -> tuple[str, dict[str, str] | None]:
    """Status and `incomplete_details` for the engine's finish reason."""
    if finish_reason == "length":
        return "incomplete", {"reason": "max_output_tokens"}
    if finish_reason == "content_filter":
        return "incomplete", {"reason": "content_filter"}
    return (
        ("completed", None) if finish_reason in ("stop", "tool_calls", "function_call") else ("failed", None)
    )
