"""Tools of the Responses API as those of chat completions.

Functions are nested. A custom tool (plain text instead of JSON) becomes a function with one text parameter,
and its grammar a part of the description.
The tools of a namespace become functions whose names begin with the namespace's name. Hosted tools (web
search and the like) run at OpenAI and nowhere else: agents send them without needing them, so they are left
out and named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairlead_contract.values import Array, Boolean, Kind, Object, String
from fairlead_gateway.contract.errors import invalid
from fairlead_gateway.contract.forms import backend_of, fault_in_schema
from fairlead_gateway.contract.policy import RequestPolicy
from fairlead_gateway.contract.value_check import check

from .content import required_text
from .namespaces import NamespacedName, flat_name
from .output import CUSTOM_INPUT

Tool = dict[str, Any]
_FUNCTION_KEYS: Mapping[str, Kind] = {
    "name": String(1),
    "description": String(),
    "parameters": Object(),
    "strict": Boolean(),
}
_NAMESPACE_KEYS: Mapping[str, Kind] = {"description": String(), "tools": Array()}
_SYNTAXES = {"lark": "Lark grammar", "regex": "regular expression"}
_CALLABLE = ("function", "custom")


@dataclass(frozen=True)
class Tools:
    """The tools of a request."""

    functions: Mapping[str, Tool]
    """By name, in chat completions' form."""
    places: Mapping[str, str]
    """The path of each function, by name."""
    custom: frozenset[str]
    """The engine's names of custom tools."""
    namespaces: Mapping[str, NamespacedName]
    """The functions that are in a namespace, by the engine's names."""
    left_out: tuple[str, ...]
    """What was asked for and has no effect here, as in `x-fairlead-ignored-params`."""


def to_tools(tools: list[Any], policy: RequestPolicy) -> Tools:
    """The tools of a request. Raises ApiError for one without a name.

    A policy that rejects what is unknown refuses tools that do not exist here instead of leaving them out.
    """
    found = _Found(policy)
    for index, tool in enumerate(tools):
        found.add(tool, f"tools[{index}]")
    return Tools(
        found.functions,
        found.places,
        frozenset(found.custom),
        found.namespaces,
        tuple(sorted(found.left_out)),
    )


class _Found:
    """The tools that were found so far."""

    def __init__(self, policy: RequestPolicy) -> None:
        self._reject_unknown = policy.reject_unknown
        self._backend = backend_of(policy.engine.structured_outputs_backend)
        self.functions: dict[str, Tool] = {}
        self.places: dict[str, str] = {}
        self.custom: set[str] = set()
        self.namespaces: dict[str, NamespacedName] = {}
        self.left_out: set[str] = set()

    def add(self, tool: object, where: str, namespace: Tool | None = None) -> None:
        """Adds one tool, which may be one of a namespace, or a whole namespace."""
        if not isinstance(tool, dict):
            raise invalid(f"'{where}' must be an object.", where, "invalid_type")
        kind = required_text(tool, "type", where)
        if kind == "namespace" and namespace is None:
            self._add_namespace(tool, where)
        elif kind not in _CALLABLE:
            self._leave_out(kind, where)
        else:
            self._add_function(tool, where, namespace)

    def _add_namespace(self, namespace: Tool, where: str) -> None:
        required_text(namespace, "name", where)
        for key, form in _NAMESPACE_KEYS.items():
            if namespace.get(key) is not None:
                check(form, namespace[key], f"{where}.{key}")
        for index, tool in enumerate(namespace.get("tools") or ()):
            self.add(tool, f"{where}.tools[{index}]", namespace)

    def _leave_out(self, kind: str, where: str) -> None:
        if self._reject_unknown:
            message = f"Tools of type '{kind}' are not supported."
            raise invalid(message, f"{where}.type", "unsupported_value")
        self.left_out.add(f"tools.{kind}")

    def _add_grammar(self, grammar: Tool, function: Tool, where: str) -> None:
        """Has the model follow a grammar: by force if it is an expression that the backend can enforce inside
        JSON, else only by its words.
        """
        where = f"{where}.format"
        syntax, definition = (required_text(grammar, name, where) for name in ("syntax", "definition"))
        if syntax not in _SYNTAXES:
            message = f"'{where}.syntax' must be 'lark' or 'regex'."
            raise invalid(message, f"{where}.syntax", "unsupported_value")
        text = f"The input must match this {_SYNTAXES[syntax]}:\n{definition}"
        function["description"] = _lines(function.get("description"), text)
        pattern = {"pattern": definition}
        if syntax == "regex" and fault_in_schema({"type": "string"} | pattern, self._backend) is None:
            function["parameters"]["properties"][CUSTOM_INPUT] |= pattern
        elif self._reject_unknown:
            message = f"'{where}' is a grammar that cannot be enforced. Send a tool without a format."
            raise invalid(message, where, "unsupported_value")
        else:
            self.left_out.add("tools.custom.format")

    def _add_function(self, tool: Tool, where: str, namespace: Tool | None) -> None:
        name = _name_of(tool, where)
        for key, form in _FUNCTION_KEYS.items():
            if tool.get(key) is not None:
                check(form, tool[key], f"{where}.{key}")
        function = _custom(tool) if tool["type"] == "custom" else _function(tool)
        if (grammar := _grammar_of(tool)) is not None:
            self._add_grammar(grammar, function, where)
        if namespace is not None:
            own, name = name, flat_name(namespace["name"], name)
            if name in self.functions:
                message = (
                    f"'{where}.name' makes the function '{name}', of which there is another. Rename one."
                )
                raise invalid(message, f"{where}.name")
            function["name"] = name
            # The model has no other place where it could read what the namespace is for.
            function["description"] = _lines(namespace.get("description"), function.get("description"))
            self.namespaces[name] = NamespacedName(namespace["name"], own)
        if tool["type"] == "custom":
            self.custom.add(name)
        self.functions[name] = {"type": "function", "function": function}
        self.places[name] = where


def _name_of(tool: Tool, where: str) -> str:
    """The name of a function, which chat completions have one level deeper."""
    if tool.get("name") is None and isinstance(tool.get("function"), dict):
        message = f"'{where}.function' is chat completions' form. Put its fields into '{where}' itself."
        raise invalid(message, f"{where}.function", "unsupported_parameter")
    return required_text(tool, "name", where)


def _lines(*texts: str | None) -> str:
    return "\n".join(text for text in texts if text)


def _function(tool: Tool) -> Tool:
    return {name: tool[name] for name in _FUNCTION_KEYS if tool.get(name) is not None}


def _custom(tool: Tool) -> Tool:
    described = {name: tool[name] for name in ("name", "description") if tool.get(name) is not None}
    parameters = {
        "type": "object",
        "properties": {
            CUSTOM_INPUT: {"type": "string", "description": "The input of the tool, as plain text."}
        },
        "required": [CUSTOM_INPUT],
        "additionalProperties": False,
    }
    # Without it the engine accepts any JSON as the arguments.
    return described | {"parameters": parameters, "strict": True}


def _grammar_of(tool: Tool) -> Tool | None:
    """The grammar that the text of a custom tool must follow, if any."""
    requested = tool.get("format")
    is_grammar = (
        tool["type"] == "custom" and isinstance(requested, dict) and requested.get("type") == "grammar"
    )
    return requested if is_grammar else None


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
    if choice.get("namespace") is not None:
        name = flat_name(required_text(choice, "namespace", where), name)
    if name not in functions:
        raise invalid(f"'{where}' names '{name}', which is not in 'tools'.", f"{where}.name")
    return name
