"""The keys of a Response object that repeat the request, with the effective values of absent parameters."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from fairlead_contract.parameters import PARAMETERS, ApiKind
from fairlead_contract.values import ABSENT

# Neutral values: those of OpenAI, and of an engine that takes no defaults from the model.
_NEUTRAL: Mapping[str, Any] = {
    name: parameter.response_default
    for name, parameter in sorted(PARAMETERS[ApiKind.RESPONSES].items())
    if parameter.response_default is not ABSENT
}
_TOOL = {"description": None, "parameters": None}
_JSON_SCHEMA = {"description": None, "strict": False}


def repeated(received: Mapping[str, Any], chat: Mapping[str, Any], limit: int | None) -> dict[str, Any]:
    """The keys of the Response that repeat its request. `chat` is the engine's request, with the defaults in
    effect."""
    found = {name: received.get(name, chat.get(name, neutral)) for name, neutral in _NEUTRAL.items()}
    if limit is None:
        limit = chat.get("max_completion_tokens", chat.get("max_tokens"))
    if found["reasoning"] is not None:
        found["reasoning"] = {name: found["reasoning"].get(name) for name in ("effort", "summary")}
    text = received.get("text", {})
    requested = text.get("format") or {"type": "text"}
    if requested["type"] == "json_schema":
        requested = _JSON_SCHEMA | {name: value for name, value in requested.items() if value is not None}
    functions = (tool["function"] for tool in chat.get("tools", ()))
    strict = {function["name"] for function in functions if function.get("strict")}
    return found | {
        "max_output_tokens": limit,
        "tools": [_repeated_tool(tool, strict) for tool in received.get("tools", ())],
        "text": {"format": requested, "verbosity": text.get("verbosity") or "medium"},
        # There is only one tier.
        "service_tier": "default",
    }


def _repeated_tool(tool: Mapping[str, Any], strict: Set[str]) -> Mapping[str, Any]:
    """A tool as the client has sent it. A function is strict if it is so for the engine: `strict` has the
    names of these.
    """
    return tool if tool["type"] != "function" else {**_TOOL, **tool, "strict": tool["name"] in strict}
