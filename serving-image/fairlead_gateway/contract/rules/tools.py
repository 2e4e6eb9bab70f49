"""Tools: functions that the model may call."""

from __future__ import annotations

from typing import Any

from fairlead_gateway.contract.errors import invalid, missing

from .draft import Draft


def check_tools(draft: Draft) -> None:
    """Checks tools and the choice among them; no tools at all are the same as an empty array."""
    names = [_function_name(tool, f"tools[{i}]") for i, tool in enumerate(draft.value("tools", []))]
    if not names:
        draft.take("tools")
        _choose_without_tools(draft)
        return
    _check_choice(draft.value("tool_choice", "auto"), names)
    for name, value in draft.policy.tool_defaults.items():
        if name not in draft.document:
            draft.put(name, value)
    draft.want(tools=True)


def _function_name(tool: Any, path: str) -> str:
    if not isinstance(tool, dict):
        raise invalid(f"'{path}' must be an object.", path, "invalid_type")
    if tool.get("type", "function") != "function":
        message = f"'{path}.type' must be 'function': no other tools can be called here."
        raise invalid(message, f"{path}.type", "unsupported_value")
    function = tool.get("function")
    if not isinstance(function, dict):
        raise missing(f"{path}.function")
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise missing(f"{path}.function.name")
    return name


def _choose_without_tools(draft: Draft) -> None:
    choice = draft.value("tool_choice", "none")
    if choice not in ("none", "auto"):
        raise invalid("'tool_choice' needs 'tools'.", "tool_choice")
    # Nothing to choose from: vLLM refuses "auto" here.
    draft.take("tool_choice")


def _check_choice(choice: Any, names: list[str]) -> None:
    if isinstance(choice, str):
        return
    if choice.get("type", "function") != "function" or not isinstance(choice.get("function"), dict):
        function = "{'type': 'function', 'function': {'name': ...}}"
        message = f"'tool_choice' must be 'none', 'auto', 'required' or {function}."
        raise invalid(message, "tool_choice", "unsupported_value")
    if choice["function"].get("name") not in names:
        message = "'tool_choice.function.name' must be the name of one of the 'tools'."
        raise invalid(message, "tool_choice.function.name")
