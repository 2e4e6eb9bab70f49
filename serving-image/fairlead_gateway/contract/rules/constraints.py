"""Structured output: the older guided_* names, and vLLM's own constraint."""

from __future__ import annotations

from typing import Any

import orjson

from fairlead_contract.parameters import PARAMETERS, ApiKind
from fairlead_contract.parameters.bounds import MAX_FORM_DEPTH
from fairlead_gateway.contract.errors import invalid, missing
from fairlead_gateway.contract.forms import Backend
from fairlead_gateway.contract.schema_regex import regex_of_schema
from fairlead_gateway.contract.sizes import is_deeper

from .draft import Draft, conflict, unsupported
from .support import require_enforceable

_CHAT = PARAMETERS[ApiKind.CHAT].items()
# vLLM's former names, and the present ones inside structured_outputs.
_NOW = {name: parameter.constraint for name, parameter in _CHAT if parameter.constraint}
GUIDED = (*_NOW, "guided_whitespace_pattern")
FORMS = (*_NOW, "structured_outputs", "response_format")
_CONSTRAINTS = (*_NOW.values(), "json_object", "structural_tag")
_BREAKING = {name: parameter.form_conflict for name, parameter in _CHAT if parameter.form_conflict}
_BANS = tuple(name for name, parameter in _CHAT if parameter.bans_tokens)
_FORMATS = ("text", "json_object", "json_schema", "structural_tag")


def drop_empty_response_format(draft: Draft) -> None:
    """Removes `{}`, by which some clients mean "no format" and which vLLM refuses. Raises the 400 for other
    shapes.
    """
    requested = draft.value("response_format")
    if not requested:
        draft.take("response_format")
        return
    kind = requested.get("type")
    if kind is None:
        raise missing("response_format.type")
    if kind not in _FORMATS:
        message = f"'response_format.type' must be one of {', '.join(_FORMATS)}."
        raise invalid(message, "response_format.type")
    if kind == "json_schema":
        described = requested.get("json_schema")
        if not isinstance(described, dict):
            raise missing("response_format.json_schema")
        if not isinstance(described.get("schema"), dict):
            raise missing("response_format.json_schema.schema")
    draft.rename("structured_outputs", "response_format")


def constraint_names(draft: Draft) -> list[str]:
    """The parameters of the request that constrain the form of the answer."""
    names = [name for name in (*_NOW, "structured_outputs") if name in draft.document]
    if draft.value("response_format", {}).get("type", "text") != "text":
        names.append("response_format")
    return names


def refuse_what_breaks_the_form(draft: Draft) -> None:
    """Raises the 400 for parameters that conflict with a form of the answer.

    Beside them vLLM writes on after the form is complete, stops before their effect, or fails.
    """
    names = constraint_names(draft)
    if not names:
        return
    for partner, why in _BREAKING.items():
        if draft.has(partner) and draft.value(partner):
            raise conflict(names[0], partner, why)
    for partner in _BANS:
        if draft.value(partner):
            draft.want(contested=(names[0], partner))


def translate_guided(draft: Draft) -> None:
    """Replaces guided_* by structured_outputs: vLLM 0.32 drops the former names silently."""
    names = constraint_names(draft)
    if len(names) > 1:
        raise conflict(names[0], names[1], "an answer has one form")
    pattern = draft.take("guided_whitespace_pattern")
    if pattern is not None and "guided_json" not in draft.document:
        raise unsupported("guided_whitespace_pattern", "it only works together with 'guided_json'.")
    name = next((name for name in _NOW if name in draft.document), None)
    if name is None:
        return
    value = draft.take(name)
    if name == "guided_json":
        value = _schema(value)
    if pattern is not None:
        # Whatever the engine's backend is, the expression comes from outlines.
        require_enforceable(name, "json", value, Backend.OUTLINES)
        draft.put("structured_outputs", {"regex": regex_of_schema(value, pattern)})
    else:
        draft.put("structured_outputs", {_NOW[name]: value})
    draft.rename("structured_outputs", name)


def _schema(value: Any) -> dict[str, Any]:
    """The schema of guided_json, which may come as text."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            message = f"'guided_json' must be a JSON schema, as an object or as JSON text: {error}."
            raise invalid(message, "guided_json") from None
    if not isinstance(value, dict):
        raise invalid("'guided_json' must be a JSON schema that is an object.", "guided_json")
    if is_deeper(value, MAX_FORM_DEPTH):
        message = f"'guided_json' must not be nested deeper than {MAX_FORM_DEPTH} levels. Flatten it."
        raise invalid(message, "guided_json")
    return value


def require_the_backend(draft: Draft) -> None:
    """Raises the 400 for any backend but the engine's: it has one, and a request cannot choose another."""
    configured = draft.policy.engine.structured_outputs_backend
    requested = draft.take("guided_decoding_backend")
    if requested != configured:
        why = (
            f"the backend cannot be chosen per request and is '{configured}' here. "
            f"Leave it out or send '{configured}'."
        )
        raise unsupported("guided_decoding_backend", why)


def check_structured_outputs(draft: Draft) -> None:
    """Raises the 400 unless there is exactly one constraint. vLLM would accept and ignore others."""
    requested = {
        name: value for name, value in draft.document["structured_outputs"].items() if value is not None
    }
    names = constraint_names(draft)
    if len(names) > 1:
        raise conflict(names[0], names[1], "an answer has one form")
    for name in requested:
        if name not in _CONSTRAINTS:
            raise unsupported(f"structured_outputs.{name}", "it has no effect. Leave it out.")
    if len(requested) != 1:
        message = f"'structured_outputs' must have exactly one of {', '.join(_CONSTRAINTS)}."
        raise invalid(message, "structured_outputs")
