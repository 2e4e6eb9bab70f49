"""Rules for tools: functions that the model may call."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fairlead_contract.values import Array, Boolean, Choice, Kind, Object, String, shown
from fairlead_gateway.contract.errors import invalid, missing
from fairlead_gateway.contract.value_check import check

from .constraints import constraint_names
from .draft import Draft

_NO_PARAMETERS: dict[str, Any] = {}
_ALLOWED: Mapping[str, Kind] = MappingProxyType({"mode": Choice(("auto", "required")), "tools": Array()})
_FIELDS: Mapping[str, Kind] = MappingProxyType({"description": String(), "parameters": Object()})
# Values that vLLM accepts as booleans beside true and false, as pydantic does. The rules after this one
# compare with true, so they would miss a strict tool with another value.
_TRUE = frozenset({"1", "on", "t", "true", "y", "yes"})
# What the engine has in whole answers only, or chooses among whole answers.
_WHOLE_ONLY = ("prompt_logprobs", "return_token_ids", "use_beam_search", "best_of")
_FALSE = frozenset({"0", "off", "f", "false", "n", "no"})


def check_tools(draft: Draft) -> None:
    """Checks tools and the choice among them; no tools at all are the same as an empty array.

    Several tools may have the same name: the engine takes them, and a call names no position.
    """
    tools = draft.value("tools", [])
    names = [_plain_name(tool) or _function_name(tool, f"tools[{i}]", draft) for i, tool in enumerate(tools)]
    if not names:
        draft.take("tools")
        _choose_without_tools(draft)
        return
    choice = draft.value("tool_choice", "auto")
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        tools = _keep_allowed(draft, choice.get("allowed_tools"), names)
        if not tools:
            return
    else:
        _check_choice(choice, names)
    for name, value in draft.policy.tool_defaults.items():
        if name not in draft.document:
            draft.put(name, value)
    draft.want(tools=True)
    _name_the_grammar(draft, tools)


def stream_forced_calls(draft: Draft) -> None:
    """Has the engine stream a whole answer with a forced call: see `contract.assembled`."""
    choice = draft.value("tool_choice", "auto")
    is_whole = any(draft.value(name, False) is not False for name in _WHOLE_ONLY)
    if choice in ("auto", "none") or draft.value("stream") or is_whole:
        return
    draft.put("stream", True)
    draft.put("stream_options", {"include_usage": True})
    draft.want(assembled=True)


def _plain_name(tool: Any) -> str | None:
    """The name of a tool that is right as it is, as almost all are. Agents send many with each request."""
    if type(tool) is not dict or tool.get("type", "function") != "function" or "defer_loading" in tool:
        return None
    function = tool.get("function")
    if (
        type(function) is dict
        and type(function.get("name")) is str
        and type(function.get("description", "")) is str
        and type(function.get("parameters", _NO_PARAMETERS)) is dict
        and type(function.get("strict", False)) is bool
        and "defer_loading" not in function
    ):
        return str(function["name"])
    return None


def _function_name(tool: Any, path: str, draft: Draft) -> str:
    if not isinstance(tool, dict):
        raise invalid(f"'{path}' must be an object (got {shown(tool)}).", path, "invalid_type")
    if tool.get("type", "") is None:
        del tool["type"]
        draft.changed = True
    if tool.get("type", "function") != "function":
        message = f"'{path}.type' must be 'function': no other tools can be called here."
        raise invalid(message, f"{path}.type", "unsupported_value")
    if tool.get("defer_loading") is not None:
        draft.changed |= _write_boolean(tool, "defer_loading", path)
    return _check_function(tool.get("function"), f"{path}.function", draft)


def _check_function(function: Any, path: str, draft: Draft) -> str:
    if function is None:
        raise missing(path)
    check(Object(), function, path)
    name = function.get("name")
    if name is None or name == "":
        raise missing(f"{path}.name")
    check(String(), name, f"{path}.name")
    for field, kind in _FIELDS.items():
        if function.get(field) is not None:
            check(kind, function[field], f"{path}.{field}")
    for field in ("strict", "defer_loading"):
        if function.get(field) is not None:
            draft.changed |= _write_boolean(function, field, path)
    return str(name)


def _write_boolean(holder: dict[str, Any], field: str, path: str) -> bool:
    """Replaces what the engine would take for a boolean; True if it was another value."""
    value = holder[field]
    if type(value) is bool:
        return False
    word = value.lower() if isinstance(value, str) else str(int(value)) if value in (0, 1) else ""
    if word not in _TRUE | _FALSE:
        check(Boolean(), value, f"{path}.{field}")
    holder[field] = word in _TRUE
    return True


def _choose_without_tools(draft: Draft) -> None:
    choice = draft.value("tool_choice", "none")
    if choice not in ("none", "auto"):
        raise invalid("'tool_choice' needs 'tools'.", "tool_choice")
    # Nothing to choose from: vLLM refuses "auto" here.
    draft.take("tool_choice")


def _keep_allowed(draft: Draft, allowed: Any, names: list[str]) -> list[Any]:
    """Leaves only the tools that may be called, which vLLM cannot choose among more, and returns them."""
    path = "tool_choice.allowed_tools"
    if allowed is None:
        raise missing(path)
    check(Object(), allowed, path)
    for field, kind in _ALLOWED.items():
        if allowed.get(field) is None:
            raise missing(f"{path}.{field}")
        check(kind, allowed[field], f"{path}.{field}")
    wanted = set()
    for i, tool in enumerate(allowed["tools"]):
        function = tool.get("function") if isinstance(tool, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if name not in names:
            where = f"{path}.tools[{i}].function.name"
            raise invalid(f"'{where}' must be the name of one of the 'tools' (got {shown(name)}).", where)
        wanted.add(name)
    if allowed["mode"] == "required" and not wanted:
        raise invalid(f"'{path}.tools' must have a tool, since 'mode' is 'required'.", f"{path}.tools")
    draft.kept_tools = [i for i, name in enumerate(names) if name in wanted]
    tools = [draft.document["tools"][i] for i in draft.kept_tools]
    if tools:
        draft.put("tools", tools)
        draft.put("tool_choice", allowed["mode"])
    else:
        draft.take("tools")
        draft.take("tool_choice")
    return tools


def _check_choice(choice: Any, names: list[str]) -> None:
    if isinstance(choice, str):
        return
    form = (
        "'none', 'auto', 'required', {'type': 'function', 'function': {'name': ...}} or "
        "{'type': 'allowed_tools', 'allowed_tools': {'mode': ..., 'tools': [...]}}"
    )
    if choice.get("type", "function") != "function":
        path = "tool_choice.type"
        message = f"'{path}' must be 'function' or 'allowed_tools': 'tool_choice' is {form}."
        raise invalid(message, path, "unsupported_value")
    function = choice.get("function")
    if not isinstance(function, dict):
        path = "tool_choice.function"
        message = f"'{path}' must be an object with the name of a tool: 'tool_choice' is {form}."
        raise invalid(message, path, "missing_required_parameter" if function is None else "invalid_type")
    if function.get("name") not in names:
        path = "tool_choice.function.name"
        message = f"'{path}' must be the name of one of the 'tools' (got {shown(function.get('name'))})."
        raise invalid(message, path)


def _name_the_grammar(draft: Draft, tools: list[Any]) -> None:
    """Lets errors about structured outputs name the tools, where the engine makes a grammar of these."""
    if constraint_names(draft):
        return
    choice = draft.value("tool_choice", "auto")
    named = choice["function"]["name"] if isinstance(choice, dict) else None
    functions = [tool["function"] for tool in tools]
    compiled = [i for i, found in enumerate(functions) if named == found["name"] or found.get("strict")]
    if len(functions) == 1:
        compiled = [0]
    path = f"{draft.tool_path(compiled[0])}.function.parameters" if len(compiled) == 1 else "tools"
    draft.rename("structured_outputs", path)
