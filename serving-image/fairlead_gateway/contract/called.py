"""The shape of the tool calls in an assistant's message, as clients send them back."""

from __future__ import annotations

from typing import Any

from fairlead_contract.values import Array, Choice, Kind, Object, String

from .errors import invalid, missing
from .value_check import check

_CALLS = Array(Object())
_TEXT = String()
_OBJECT = Object()
_FUNCTION = Choice(("function",))


def check_calls(calls: Any, path: str) -> None:
    """Raises the 400 with the path of the first field that the engine would refuse."""
    check(_CALLS, calls, path)
    for index, call in enumerate(calls):
        if _is_right(call):
            continue
        where = f"{path}[{index}]"
        _require(call, "id", _TEXT, where)
        _require_function(call, where)
        function, inside = call["function"], f"{where}.function"
        _require(function, "name", _TEXT, inside)
        if type(function.get("arguments", "")) is not str and function["arguments"] is not None:
            message = f"'{inside}.arguments' must be a string that holds JSON, for example '{{}}'."
            raise invalid(message, f"{inside}.arguments", "invalid_type")
        _require(function, "arguments", _TEXT, inside)


def _is_right(call: dict[str, Any]) -> bool:
    """Whether there is nothing to find; cheap, since agents send hundreds of calls back with each turn."""
    function = call.get("function")
    return (
        type(call.get("id")) is str
        and call.get("type") == "function"
        and type(function) is dict
        and type(function.get("name")) is str
        and type(function.get("arguments")) is str
    )


def _require(value: dict[str, Any], name: str, kind: Kind, path: str) -> None:
    if value.get(name) is None:
        raise missing(f"{path}.{name}")
    check(kind, value[name], f"{path}.{name}")


def _require_function(call: dict[str, Any], path: str) -> None:
    if call.get("type") == "custom":
        message = (
            f"'{path}.type' cannot be 'custom': only calls of functions can be sent back. Write it as a call "
            "of a function that has the input as one of its arguments."
        )
        raise invalid(message, f"{path}.type", "unsupported_value")
    _require(call, "type", _FUNCTION, path)
    _require(call, "function", _OBJECT, path)
