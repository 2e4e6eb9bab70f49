"""Schemas in the parameters that have one."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
# Beyond every bound of a table.
HUGE = 1 << 24


def in_form(name: str, schema: Json) -> Json:
    """A schema where the parameter has one."""
    match name:
        case "response_format":
            return {name: {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}}
        case "structured_outputs":
            return {name: {"json": schema}}
        case "tools":
            function = {"name": "f", "parameters": schema}
            return {name: [{"type": "function", "function": function}], "tool_choice": "required"}
    return {name: schema}
