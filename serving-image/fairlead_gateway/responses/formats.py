"""Parameters that are objects, and `truncation`: their inner fields, as parameters of chat completions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairlead_contract.values import Choice, Kind, Object, String
from fairlead_gateway.contract.errors import invalid, missing
from fairlead_gateway.contract.policy import RequestPolicy
from fairlead_gateway.contract.value_check import check

# The part of the context that is kept free for the answer when an over-long input is cut.
_KEPT_FOR_ANSWER = 8

_SUMMARIES = Choice(("auto", "concise", "detailed"))
# OpenAI's bounds, in characters.
_METADATA_KEY, _METADATA_VALUE = String(0, 64), String(0, 512)
_METADATA_ENTRIES = 16
_REQUIRED_OF_SCHEMA: tuple[tuple[str, Kind], ...] = (("name", String(1)), ("schema", Object()))
_NESTED = (
    ("text", "verbosity", Choice(("low", "medium", "high"))),
    ("reasoning", "summary", _SUMMARIES),
    ("reasoning", "generate_summary", _SUMMARIES),
)
_HINTS = frozenset((name, inner) for name, inner, _ in _NESTED)
# The inner fields that have an effect. Everything beside them and the hints above is not known.
_EFFECTIVE = {"text": "format", "reasoning": "effort"}


def check_nested(received: Mapping[str, Any]) -> None:
    """Raises the 400 for an inner field without effect on the engine, which nothing else would check."""
    for name, inner, kind in _NESTED:
        value = received.get(name, {}).get(inner)
        if value is not None:
            check(kind, value, f"{name}.{inner}")
    metadata = received.get("metadata", {})
    if len(metadata) > _METADATA_ENTRIES:
        message = f"'metadata' must have at most {_METADATA_ENTRIES} entries (got {len(metadata)})."
        raise invalid(message, "metadata")
    for key, value in metadata.items():
        check(_METADATA_KEY, key, "metadata")
        check(_METADATA_VALUE, value, f"metadata.{key}")


def inner_without_effect(received: Mapping[str, Any], reject_unknown: bool) -> Iterator[str]:
    """Paths of the inner fields that change nothing. `reject_unknown` refuses those that are not known."""
    for name, effective in _EFFECTIVE.items():
        for inner, value in received.get(name, {}).items():
            if value is None or inner == effective:
                continue
            path = f"{name}.{inner}"
            if reject_unknown and (name, inner) not in _HINTS:
                raise invalid(f"Unknown parameter: '{path}'. Leave it out.", path, "unknown_parameter")
            yield path


def text_fields(received: Mapping[str, Any]) -> dict[str, Any]:
    """`text.format` as `response_format`."""
    requested = received.get("text", {}).get("format")
    if requested is None:
        return {}
    if not isinstance(requested, dict):
        raise invalid("'text.format' must be an object.", "text.format", "invalid_type")
    kind = requested.get("type")
    if kind == "text":
        return {}
    if kind == "json_object":
        return {"response_format": {"type": "json_object"}}
    if kind != "json_schema":
        message = "'text.format.type' must be 'text', 'json_object' or 'json_schema'."
        raise invalid(message, "text.format.type")
    if isinstance(requested.get("json_schema"), dict):
        message = (
            "'text.format.json_schema' is chat completions' form. Put its fields into 'text.format' itself."
        )
        raise invalid(message, "text.format.json_schema", "unsupported_parameter")
    for name, form in _REQUIRED_OF_SCHEMA:
        if requested.get(name) is None:
            raise missing(f"text.format.{name}")
        check(form, requested[name], f"text.format.{name}")
    schema = {name: value for name, value in requested.items() if name != "type" and value is not None}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def reasoning_fields(received: Mapping[str, Any]) -> dict[str, Any]:
    """`reasoning.effort` as `reasoning_effort`."""
    effort = received.get("reasoning", {}).get("effort")
    return {} if effort is None else {"reasoning_effort": effort}


def truncation_fields(
    received: Mapping[str, Any], limit: int | None, policy: RequestPolicy
) -> dict[str, Any]:
    """`truncation: auto` as a bound on the rendered prompt, in tokens.

    Left to itself (-1) the engine cuts to all but one token of the context. So room is kept for the requested
    answer, but never more than a part: a generous limit must not cut an input that fits.
    """
    if received.get("truncation") != "auto" or "truncate_prompt_tokens" in received:
        return {}
    context = policy.engine.context_length
    if context is None:
        # Not known yet: the engine takes -1 only together with a limit.
        return {} if limit is None else {"truncate_prompt_tokens": -1}
    room = context // _KEPT_FOR_ANSWER
    return {"truncate_prompt_tokens": max(1, context - min(room, limit or room))}
