"""Refuses forms that the engine's backend cannot enforce, and names the place in them."""

from __future__ import annotations

from typing import Any

from fairlead_gateway.contract.errors import invalid
from fairlead_gateway.contract.forms import Backend, Fault, backend_of, fault_in_form, fault_in_schema

from .draft import Draft


def require_enforceable(path: str, kind: str, value: Any, backend: Backend) -> None:
    """Raises the 400 for a form that the backend would ignore in part or fail on.

    `path` is the client's, `kind` the form's name in vLLM's structured_outputs.
    """
    _refuse(path, fault_in_form(kind, value, backend))


def require_enforceable_response(described: dict[str, Any], backend: Backend) -> None:
    """Raises the same 400 for `response_format`, whose shape was checked before."""
    if described.get("type") == "json_schema":
        path = "response_format.json_schema.schema"
        require_enforceable(path, "json", described["json_schema"]["schema"], backend)
    elif described.get("type") == "structural_tag":
        require_enforceable("response_format", "structural_tag", described, backend)


def require_enforceable_tools(draft: Draft) -> None:
    """Raises the same 400 for the parameters of tools that are strict.

    For others the engine does not promise to keep to the schema. Depending on the tool parser it does not
    read it at all, so a schema that it could not compile is accepted there.
    """
    choice = draft.value("tool_choice", "auto")
    if choice == "none":
        return
    named = choice["function"].get("name") if isinstance(choice, dict) else None
    backend = backend_of(draft.policy.engine.structured_outputs_backend)
    for i, tool in enumerate(draft.value("tools", [])):
        function = tool["function"]
        parameters = function.get("parameters")
        is_called = named in (None, function["name"])
        if function.get("strict") is True and is_called and parameters is not None:
            _refuse(f"{draft.tool_path(i)}.function.parameters", fault_in_schema(parameters, backend))


def _refuse(path: str, fault: Fault | None) -> None:
    if fault is not None:
        place = path + fault.place
        raise invalid(f"'{place}' {fault.why}", place, fault.code)
