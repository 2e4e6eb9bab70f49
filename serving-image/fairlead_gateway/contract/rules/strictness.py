"""Which functions the engine must call with arguments that fit their schemas.

vLLM 0.32 keeps to the schema of a function only if it is `strict`. Of one that is not, even a forced call can
have a bare string or `Infinity` as its arguments. So a function without `strict` becomes strict here if its
call is forced, and in the Responses API, where that is the default. `strict: false` stays as it is.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson

from fairlead_gateway.bounds import MAX_REMEMBERED_SCHEMA_BYTES, MAX_REMEMBERED_SCHEMAS
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.contract.forms import Backend, backend_of, fault_in_schema
from fairlead_gateway.contract.forms.reading import leader_of

from .constraints import constraint_names
from .draft import Draft
from .sizes import require_small_schemas


def keep_to_schemas(draft: Draft) -> None:
    """Makes functions strict that the client has left open, where the engine can keep to their schemas.

    A schema that it cannot enforce was no error before there was `strict`, and is none now.
    """
    choice = draft.value("tool_choice", "auto")
    is_forced = choice not in ("auto", "none")
    if not is_forced and (choice == "none" or not draft.strict_by_default or constraint_names(draft)):
        # Beside a form for the whole answer, strict functions would replace it.
        return
    named = choice["function"]["name"] if isinstance(choice, dict) else None
    functions = [tool["function"] for tool in draft.value("tools", [])]
    backend = backend_of(draft.policy.engine.structured_outputs_backend)
    opened = [
        function
        for function in functions
        if function.get("strict") is None
        and named in (None, function["name"])
        and _is_enforceable(function.get("parameters"), backend)
    ]
    # A forced call has been measured already. Otherwise one strict function has all of them compiled.
    if not opened or not (is_forced or _are_small(functions, draft)):
        return
    for function in opened:
        function["strict"] = True
        function["parameters"] = _of_an_object(function.get("parameters"))
    draft.changed = True


def _of_an_object(parameters: dict[str, Any] | None) -> dict[str, Any]:
    """The schema with what the API says of all of them: arguments are an object, and a function without
    parameters has none.
    """
    if parameters is None:
        return {"type": "object", "properties": {}}
    if "type" not in parameters and leader_of(parameters) is None:
        return {"type": "object", **parameters}
    return parameters


def _is_enforceable(parameters: dict[str, Any] | None, backend: Backend) -> bool:
    if parameters is None:
        return True
    schema = orjson.dumps(parameters)
    if len(schema) > MAX_REMEMBERED_SCHEMA_BYTES:
        return fault_in_schema(parameters, backend) is None
    return _is_known_enforceable(schema, backend)


@lru_cache(MAX_REMEMBERED_SCHEMAS)
def _is_known_enforceable(schema: bytes, backend: Backend) -> bool:
    """The same for a small schema as JSON. Reading a schema takes far longer than writing it."""
    return fault_in_schema(orjson.loads(schema), backend) is None


def _are_small(functions: list[dict[str, Any]], draft: Draft) -> bool:
    try:
        require_small_schemas(draft.policy, functions)
    except ApiError:
        return False
    return True
