"""A Responses request as a chat-completions request.

Only what differs in name or form is translated here. Types, bounds, defaults and every rule about a parameter
come from the contract: first its table for the Responses API, then all that holds for chat completions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from fairlead_contract.parameters import PARAMETERS, ApiKind
from fairlead_contract.parameters.misplaced import LOGPROBS
from fairlead_gateway.contract.errors import ApiError, invalid, missing
from fairlead_gateway.contract.policy import RequestPolicy
from fairlead_gateway.contract.request import (
    PreparedChat,
    examine,
    parse_object,
    prepare_document,
)

from .formats import check_nested, inner_without_effect, reasoning_fields, text_fields, truncation_fields
from .items import Conversation
from .naming import Naming
from .repeated import repeated
from .tools import Tools, to_tools, tool_fields

# The same in both APIs. The others are translated here or part of the Response object.
_PASSED_ON = frozenset(
    name for name, parameter in PARAMETERS[ApiKind.RESPONSES].items() if ApiKind.CHAT in parameter.apis
)
# Data of hosted tools, and reasoning for clients that store it: many clients always request them.
_INCLUDABLE = frozenset(
    {
        "code_interpreter_call.outputs",
        "computer_call_output.output.image_url",
        "file_search_call.results",
        "message.input_image.image_url",
        "reasoning.encrypted_content",
        "web_search_call.action.sources",
        "web_search_call.results",
    }
)


@dataclass(frozen=True)
class ResponsesRequest:
    """A checked request: what the engine gets, and what its answer needs."""

    engine: PreparedChat
    naming: Naming
    repeated: Mapping[str, Any]
    tools: Tools


def prepare_responses(body: bytes, policy: RequestPolicy) -> ResponsesRequest:
    """Checks and translates a Responses request body, or raises ApiError with the client's names."""
    document = parse_object(body)
    received, ignored = examine(document, policy, ApiKind.RESPONSES)
    _refuse_background(received)
    check_nested(received)
    conversation = _conversation(received, policy)
    tools = to_tools(received.get("tools", []), policy)
    limit_name, limit = _output_limit(received)
    chat = {name: value for name, value in received.items() if name in _PASSED_ON}
    chat |= {"messages": conversation.messages} | ({} if limit is None else {"max_tokens": limit})
    chat |= tool_fields(tools, received.get("tool_choice", "auto"))
    chat |= text_fields(received) | reasoning_fields(received) | truncation_fields(received, limit, policy)
    chat |= _logprobs_fields(received) | _stream_fields(received)
    called = tuple(tools.places[tool["function"]["name"]] for tool in chat.get("tools", ()))
    naming = Naming(tuple(conversation.places), limit_name, called)
    try:
        prepared = prepare_document(chat, policy, strict_by_default=True)
    except ApiError as error:
        raise naming.to_client(error) from None
    left_out = {
        *ignored,
        *tools.left_out,
        *conversation.left_out,
        *_without_effect(received, policy),
        *prepared.ignored,
    }
    return ResponsesRequest(
        replace(prepared, ignored=tuple(sorted(left_out))) if left_out else prepared,
        naming,
        MappingProxyType(repeated(received, prepared.document, limit)),
        tools,
    )


def _refuse_background(received: Mapping[str, Any]) -> None:
    if received.get("background"):
        message = "'background' is not supported: this service stores no data. Leave it out or send false."
        raise invalid(message, "background", "unsupported_parameter")


def _conversation(received: Mapping[str, Any], policy: RequestPolicy) -> Conversation:
    if "input" not in received:
        raise missing("input")
    conversation = Conversation(policy.reject_unknown)
    if "instructions" in received:
        conversation.add_instructions(received["instructions"])
    conversation.add_input(received["input"])
    return conversation


def _output_limit(received: Mapping[str, Any]) -> tuple[str, int | None]:
    """`max_output_tokens`, also under its name in chat completions, and the name the client used."""
    short, full = received.get("max_tokens"), received.get("max_output_tokens")
    if short is not None and full is not None and short != full:
        raise invalid("'max_tokens' and 'max_output_tokens' are the same limit but differ.", "max_tokens")
    return ("max_tokens", short) if full is None and short is not None else ("max_output_tokens", full)


def _logprobs_fields(received: Mapping[str, Any]) -> dict[str, Any]:
    alternatives = received.get("top_logprobs", 0)
    if alternatives or LOGPROBS in received.get("include", ()):
        return {"logprobs": True, "top_logprobs": alternatives}
    return {}


def _stream_fields(received: Mapping[str, Any]) -> dict[str, Any]:
    # The last event of every stream has the usage.
    return {"stream": True, "stream_options": {"include_usage": True}} if received.get("stream") else {}


def _without_effect(received: Mapping[str, Any], policy: RequestPolicy) -> list[str]:
    """Names for what is accepted because clients send it, but changes nothing here."""
    found = []
    for value in received.get("include", ()):
        if value == LOGPROBS:
            continue
        if policy.reject_unknown and value not in _INCLUDABLE:
            raise invalid(f"'include' cannot hold '{value}'.", "include")
        found.append(f"include.{value}" if value in _INCLUDABLE else "include")
    found.extend(inner_without_effect(received, policy.reject_unknown))
    if received.get("store"):
        found.append("store")
    return found
