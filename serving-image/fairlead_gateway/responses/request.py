"""A Responses request as a chat-completions request."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from fairlead_gateway.contract.errors import invalid, missing
from fairlead_gateway.contract.request import (
    EngineRequest,
    check_model,
    check_stream,
    parse_object,
    take_engine_controls,
    without_nulls,
)

from .fields import ECHOED, PASSED_ON, STATEFUL, TRANSLATED
from .items import to_messages

_LOGPROBS = "message.output_text.logprobs"


@dataclass(frozen=True)
class ResponsesRequest:
    """A checked request: what the engine gets, and what the Response object repeats."""

    engine: EngineRequest
    received: dict[str, Any]
    tools: list[dict[str, Any]]
    max_output_tokens: int | None


def prepare_responses(body: bytes, served: Collection[str]) -> ResponsesRequest:
    """Checks and translates a Responses request body, or raises ApiError."""
    received = without_nulls(parse_object(body))
    check_model(received, served)
    _refuse_state(received)
    stream = check_stream(received)
    if "input" not in received:
        raise missing("input")
    ignored = list(take_engine_controls(received))
    known = PASSED_ON | TRANSLATED | ECHOED
    ignored += sorted(received.keys() - known)
    tools, other_tools = _function_tools(received)
    ignored += other_tools
    chat = {name: value for name, value in received.items() if name in PASSED_ON}
    chat["messages"] = to_messages(received.get("instructions"), received["input"])
    limit = _output_limit(received)
    if limit is not None:
        chat["max_completion_tokens"] = limit
    chat |= _tool_fields(received, tools) | _format_fields(received) | _other_fields(received)
    if stream:
        chat |= {"stream": True, "stream_options": {"include_usage": True}}
    engine = EngineRequest(json.dumps(chat).encode(), stream, tuple(ignored))
    return ResponsesRequest(engine, received, tools, limit)


def _refuse_state(received: dict[str, Any]) -> None:
    for name in sorted(STATEFUL & received.keys()):
        message = (
            f"'{name}' is not supported: this service stores no data. Send the whole conversation in 'input'."
        )
        raise invalid(message, name, "unsupported_parameter")
    if received.get("background"):
        message = "'background' is not supported: this service stores no data."
        raise invalid(message, "background", "unsupported_parameter")


def _output_limit(received: dict[str, Any]) -> int | None:
    """`max_output_tokens`, also under the name it has in chat completions."""
    limits = [received[name] for name in ("max_output_tokens", "max_tokens") if name in received]
    if any(not isinstance(limit, int) or isinstance(limit, bool) for limit in limits):
        raise invalid("'max_output_tokens' must be an integer.", "max_output_tokens", "invalid_type")
    if len(set(limits)) > 1:
        raise invalid("'max_tokens' and 'max_output_tokens' are the same limit but differ.", "max_tokens")
    return limits[0] if limits else None


def _function_tools(received: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """The function tools, and names for the others: hosted tools are sent by agents without being needed."""
    tools = received.get("tools", [])
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise invalid("'tools' must be an array of objects.", "tools", "invalid_type")
    for index, tool in enumerate(tools):
        if tool.get("type") == "function" and not isinstance(tool.get("name"), str):
            raise missing(f"tools[{index}].name")
    functions = [tool for tool in tools if tool.get("type") == "function"]
    others = sorted({f"tools.{tool.get('type')}" for tool in tools if tool.get("type") != "function"})
    return functions, others


def _tool_fields(received: dict[str, Any], tools: list[dict[str, Any]]) -> dict[str, Any]:
    if not tools:
        return {}
    kept = ("name", "description", "parameters", "strict")
    nested = [
        {"type": "function", "function": {name: tool[name] for name in kept if tool.get(name) is not None}}
        for tool in tools
    ]
    choice = received.get("tool_choice", "auto")
    if isinstance(choice, dict):
        if choice.get("type") != "function":
            message = "'tool_choice' may be 'none', 'auto', 'required' or a function."
            raise invalid(message, "tool_choice", "unsupported_value")
        choice = {"type": "function", "function": {"name": choice.get("name")}}
    return {"tools": nested, "tool_choice": choice}


def _format_fields(received: dict[str, Any]) -> dict[str, Any]:
    text = received.get("text", {})
    if not isinstance(text, dict):
        raise invalid("'text' must be an object.", "text", "invalid_type")
    wanted = text.get("format") or {"type": "text"}
    if not isinstance(wanted, dict):
        raise invalid("'text.format' must be an object.", "text.format", "invalid_type")
    kind = wanted.get("type")
    if kind == "text":
        return {}
    if kind == "json_object":
        return {"response_format": {"type": "json_object"}}
    if kind == "json_schema":
        schema = {name: value for name, value in wanted.items() if name != "type"}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    raise invalid(f"'text.format.type' cannot be '{kind}'.", "text.format.type")


def _other_fields(received: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    include = received.get("include", [])
    if not isinstance(include, list):
        raise invalid("'include' must be an array.", "include", "invalid_type")
    if _LOGPROBS in include:
        fields |= {"logprobs": True, "top_logprobs": received.get("top_logprobs", 0)}
    reasoning = received.get("reasoning", {})
    if not isinstance(reasoning, dict):
        raise invalid("'reasoning' must be an object.", "reasoning", "invalid_type")
    if reasoning.get("effort") is not None:
        fields["reasoning_effort"] = reasoning["effort"]
    truncation = received.get("truncation", "disabled")
    if truncation not in ("auto", "disabled"):
        raise invalid("'truncation' must be 'auto' or 'disabled'.", "truncation")
    if truncation == "auto" and "truncate_prompt_tokens" not in received:
        fields["truncate_prompt_tokens"] = -1
    return fields
