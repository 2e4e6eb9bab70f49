"""Whether the engine's backend can enforce a form, whichever kind of constraint it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from fairlead_contract.parameters.bounds import MAX_FORM_DEPTH, MAX_TAG_WRAPPER_DEPTH
from fairlead_gateway.contract.sizes import is_deeper
from fairlead_gateway.contract.sizes.grammar import schemas_in

from .backends import Backend
from .fault import UNSUPPORTED, Fault, Steps, path_of, places_in
from .grammar import fault_in_grammar
from .patterns import fault_in_pattern
from .schema import fault_in_schema
from .vllm import fault_by_vllm

_TOO_DEEP = Fault("", f"must not be nested deeper than {MAX_FORM_DEPTH} levels. Flatten it.")
# Where a structural tag has a schema, an expression or a grammar.
_SCHEMAS = ("schema", "json_schema")


def fault_in_form(kind: str, value: Any, backend: Backend) -> Fault | None:
    """The first place of a form that the backend does not enforce or fails on; None if there is none.

    `kind` is its name in vLLM's structured_outputs.
    """
    if kind == "json":
        return _fault_in_json(value, backend)
    if kind == "structural_tag":
        return _fault_in_tag(value, backend)
    if kind == "choice" and value == []:
        return Fault("", "must have at least one choice.")
    if kind == "grammar" and isinstance(value, str):
        return _fault_in_grammar(value, backend)
    if kind == "regex" and isinstance(value, str):
        return _fault_in_regex(value, backend)
    return None


def _parsed(value: Any, levels: int) -> Any:
    """A form, which may come as JSON text of at most so many levels; the Fault of text that may not."""
    if not isinstance(value, str):
        return value
    try:
        value = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return Fault("", f"must be JSON: {error}.")
    return _TOO_DEEP if is_deeper(value, levels) else value


def _fault_in_json(value: Any, backend: Backend) -> Fault | None:
    value = _parsed(value, MAX_FORM_DEPTH)
    if isinstance(value, Fault):
        return value
    if not isinstance(value, dict):
        return Fault("", "must be a JSON schema that is an object.")
    fault = fault_in_schema(value, backend)
    return fault_by_vllm(value) if fault is None and backend is Backend.XGRAMMAR else fault


def _fault_in_regex(pattern: str, backend: Backend) -> Fault | None:
    why = fault_in_pattern(pattern, in_schema=False) if backend is Backend.XGRAMMAR else None
    return Fault("", f"{why}.", UNSUPPORTED) if why else None


def _fault_in_grammar(text: str, backend: Backend) -> Fault | None:
    fault = fault_in_grammar(text, backend)
    if fault is not None:
        return fault
    for schema in schemas_in(text):
        too_deep = is_deeper(schema, MAX_FORM_DEPTH)
        fault = _TOO_DEEP if too_deep else fault_in_schema(schema, backend)
        if fault is not None:
            return Fault("", f"has a %json of which {fault.place or 'all'} {fault.why}", fault.code)
    return None


def _fault_in_tag(value: Any, backend: Backend) -> Fault | None:
    """The first fault anywhere in a structural tag."""
    value = _parsed(value, MAX_FORM_DEPTH + MAX_TAG_WRAPPER_DEPTH)
    if isinstance(value, Fault):
        return value
    for steps, found in places_in(value, _parts_of_tag):
        if isinstance(found, dict):
            for name, part in found.items():
                fault = _fault_in_part(name, part, found, backend)
                if fault is not None:
                    return fault.below(path_of((*steps, name)))
    return None


def _parts_of_tag(found: Any) -> Iterator[tuple[Steps, Any]]:
    if isinstance(found, list):
        yield from (((i,), part) for i, part in enumerate(found))
    elif isinstance(found, dict):
        yield from (((name,), part) for name, part in found.items() if name not in _SCHEMAS)


def _fault_in_part(name: str, part: Any, tag: dict[str, Any], backend: Backend) -> Fault | None:
    if name in _SCHEMAS and isinstance(part, dict | bool):
        return fault_in_schema(part, backend)
    if name == "grammar" and isinstance(part, str):
        return _fault_in_grammar(part, backend)
    if name == "pattern" and isinstance(part, str) and tag.get("type") == "regex":
        return _fault_in_regex(part, backend)
    return None
