"""The size of a form, for each kind of constraint that the engine has."""

from __future__ import annotations

from typing import Any

import orjson

from fairlead_contract.values import length_of

from .grammar import schemas_in, size_of_grammar
from .regex import size_of_regex
from .schema import size_of_schema
from .size import Size


def size_of_form(kind: str, value: Any, most_values: int | None = None) -> Size:
    """Returns the size of a form. `kind` is its name in vLLM's structured_outputs.

    With more than `most_values` JSON values it is not measured to its end. Raises ValueError for a schema
    within a grammar that is not JSON.
    """
    if kind == "structural_tag" or (kind == "json" and isinstance(value, str)):
        value = _parsed(value)
    if kind == "grammar" and isinstance(value, str):
        size = size_of_grammar(value)
        for schema in schemas_in(value):
            size.add(size_of_schema(schema, most_values))
        return size
    if isinstance(value, str):
        return size_of_regex(value)
    if kind == "choice" and isinstance(value, list):
        return size_of_choices(value)
    return size_of_schema(value, most_values)


def size_of_choices(choices: list[Any]) -> Size:
    """The size of a list of alternatives, which are one rule."""
    size = Size(length_of(choices), 1 + len(choices))
    size.need_texts(size.length)
    return size


def _parsed(text: Any) -> Any:
    """JSON that came as text; what is none is left to the engine, which says where it ends."""
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, TypeError):
        return text
