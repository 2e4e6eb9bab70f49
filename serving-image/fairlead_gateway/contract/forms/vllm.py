"""The parts of a schema for xgrammar that vLLM refuses at any place: also where xgrammar does not look.

vLLM 0.32 (`has_xgrammar_unsupported_json_features`) takes every object of a schema for a schema, for example
those under `default`, `examples` or a `$defs` that nothing refers to. With the backend "auto" it then
validates the form for another backend, and an engine whose first form this is keeps that backend for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .fault import UNSUPPORTED, Fault, Steps, path_of, places_in
from .keywords import FORMATS

_OF_ARRAYS = ("uniqueItems", "contains", "minContains", "maxContains")


def fault_by_vllm(schema: Any) -> Fault | None:
    """The first keyword in a schema that vLLM refuses; None if there is none."""
    for steps, found in places_in(schema, _objects_in):
        refused = _refused_in(found)
        if refused is not None:
            why = "is refused by the engine wherever it stands. Leave it out."
            return Fault(path_of((*steps, refused)), why, UNSUPPORTED)
    return None


def _objects_in(found: dict[str, Any]) -> Iterator[tuple[Steps, Any]]:
    for name, value in found.items():
        if isinstance(value, dict):
            yield (name,), value
        elif isinstance(value, list):
            # vLLM does not look into lists of lists.
            yield from (((name, i), part) for i, part in enumerate(value) if isinstance(part, dict))


def _refused_in(found: dict[str, Any]) -> str | None:
    named = found.get("type")
    types = {named} if isinstance(named, str) else set()
    if isinstance(named, list):
        types = {name for name in named if isinstance(name, str)}
    if "multipleOf" in found and types & {"integer", "number"}:
        return "multipleOf"
    if "array" in types and (refused := next((name for name in _OF_ARRAYS if name in found), None)):
        return refused
    if "string" in types and (refused := _refused_of_strings(found)):
        return refused
    if "object" in types and (refused := _refused_of_objects(found)):
        return refused
    several = found.get("allOf")
    return "allOf" if isinstance(several, list) and len(several) > 1 else None


def _refused_of_strings(found: dict[str, Any]) -> str | None:
    if "format" in found and not (isinstance(found["format"], str) and found["format"] in FORMATS):
        return "format"
    return _length_beside_form(found)


def _length_beside_form(found: dict[str, Any]) -> str | None:
    if "pattern" not in found and "format" not in found:
        return None
    return next((name for name in ("minLength", "maxLength") if name in found), None)


def _refused_of_objects(found: dict[str, Any]) -> str | None:
    names, patterns = found.get("propertyNames"), found.get("patternProperties")
    if "propertyNames" in found and (
        (isinstance(names, dict) and _length_beside_form(names))
        or "patternProperties" in found
        or "properties" in found
        or found.get("unevaluatedProperties", True) is not True
    ):
        return "propertyNames"
    if isinstance(patterns, dict) and ("properties" in found or len(patterns) > 1):
        return "patternProperties"
    return None
