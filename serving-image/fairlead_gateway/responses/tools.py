"""Tools of the Responses API as those of chat completions.

Functions are nested. A custom tool (plain text instead of JSON) becomes a function with one text parameter.
Hosted tools (web search and the like) run at OpenAI and nowhere else: agents send them without needing them,
so they are left out and named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairlead_contract.values import Boolean, Kind, Object, String
from fairlead_gateway.contract.errors import invalid
from fairlead_gateway.contract.value_check import check

from .content import required_text
from .output import CUSTOM_INPUT

Tool = dict[str, Any]
_FUNCTION_KEYS: Mapping[str, Kind] = {
    "name": String(1),
    "description": String(),
    "parameters": Object(),
    "strict": Boolean(),
}
_CALLABLE = ("function", "custom")


@dataclass(frozen=True)
class Tools:
    """The tools of a request."""

    functions: Mapping[str, Tool]
    """By name, in chat completions' form."""
    places: Mapping[str, str]
    """The path of each function, by name."""
    custom: frozenset[str]
    left_out: tuple[str, ...]
    """Types of the tools that do not exist here."""


def to_tools(tools: list[Any], reject_unknown: bool) -> Tools:
    """The tools of a request. Raises ApiError for one without a name.

    `reject_unknown` refuses tools that do not exist here instead of leaving them out.
    """
    functions: dict[str, Tool] = {}
    places: dict[str, str] = {}
    custom, left_out = set(), set()
    for index, tool in enumerate(tools):
        where = f"tools[{index}]"
        if not isinstance(tool, dict):
            raise invalid(f"'{where}' must be an object.", where, "invalid_type")
        kind = required_text(tool, "type", where)
        if kind not in _CALLABLE or _has_grammar(tool):
            if reject_unknown:
                message = f"Tools of type '{kind}' are not supported."
                raise invalid(message, f"{where}.type", "unsupported_value")
            left_out.add(f"tools.{kind}")
            continue
        name = _name_of(tool, where)
        for key, form in _FUNCTION_KEYS.items():
            if tool.get(key) is not None:
                check(form, tool[key], f"{where}.{key}")
        if kind == "custom":
            custom.add(name)
        functions[name] = {"type": "function", "function": _function(tool)}
        places[name] = where
    return Tools(functions, places, frozenset(custom), tuple(sorted(left_out)))


def _name_of(tool: Tool, where: str) -> str:
    """The name of a function, which chat completions have one level deeper."""
    if tool.get("name") is None and isinstance(tool.get("function"), dict):
        message = f"'{where}.function' is chat completions' form. Put its fields into '{where}' itself."
        raise invalid(message, f"{where}.function", "unsupported_parameter")
    return required_text(tool, "name", where)


def _has_grammar(tool: Tool) -> bool:
    """Whether a custom tool's text must follow a grammar, which cannot be enforced inside JSON."""
    requested = tool.get("format")
    return tool["type"] == "custom" and isinstance(requested, dict) and requested.get("type") == "grammar"


def _function(tool: Tool) -> Tool:
    if tool["type"] == "function":
        return {name: tool[name] for name in _FUNCTION_KEYS if tool.get(name) is not None}
    properties = {CUSTOM_INPUT: {"type": "string", "description": "The input of the tool, as plain text."}}
    parameters = {
        "type": "object",
        "properties": properties,
        "required": [CUSTOM_INPUT],
        "additionalProperties": False,
    }
    described = {name: tool[name] for name in ("name", "description") if tool.get(name) is not None}
    # Without it the engine accepts any JSON as the arguments.
    return described | {"parameters": parameters, "strict": True}


def tool_fields(tools: Tools, choice: object) -> dict[str, Any]:
    """`tools` and `tool_choice` of the chat request. Raises ApiError for a choice that cannot be made."""
    functions = dict(tools.functions)
    if isinstance(choice, dict):
        choice = _chosen(choice, functions)
    if choice == "required" and not functions:
        raise invalid("'tool_choice' is 'required', but there is no function to call.", "tool_choice")
    if not functions:
        return {}
    return {"tools": list(functions.values()), "tool_choice": choice}


def _chosen(choice: dict[str, Any], functions: dict[str, Tool]) -> str | Tool:
    """The choice in chat completions' form. Takes the functions that may not be called out of `functions`."""
    kind = choice.get("type")
    if kind in _CALLABLE:
        name = _known(choice, functions, "tool_choice")
        return {"type": "function", "function": {"name": name}}
    if kind == "allowed_tools":
        return _allowed(choice, functions)
    message = "'tool_choice' must be 'none', 'auto', 'required', a function or 'allowed_tools'."
    raise invalid(message, "tool_choice.type", "unsupported_value")


def _allowed(choice: dict[str, Any], functions: dict[str, Tool]) -> str:
    mode, allowed = choice.get("mode", "auto"), choice.get("tools")
    if mode not in ("auto", "required"):
        raise invalid("'tool_choice.mode' must be 'auto' or 'required'.", "tool_choice.mode")
    if not isinstance(allowed, list):
        raise invalid("'tool_choice.tools' must be an array.", "tool_choice.tools", "invalid_type")
    names = set()
    for index, tool in enumerate(allowed):
        where = f"tool_choice.tools[{index}]"
        if not isinstance(tool, dict):
            raise invalid(f"'{where}' must be an object.", where, "invalid_type")
        if tool.get("type") in _CALLABLE:
            names.add(_known(tool, functions, where))
    for name in functions.keys() - names:
        del functions[name]
    return str(mode)


def _known(choice: dict[str, Any], functions: dict[str, Tool], where: str) -> str:
    name = _name_of(choice, where)
    if name not in functions:
        raise invalid(f"'{where}' names '{name}', which is not in 'tools'.", f"{where}.name")
    return name
