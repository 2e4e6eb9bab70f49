"""Whether a limit in spec.api.limits fits its parameter, and what is left of the parameter within it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

from fairlead_operator.api.endpoint import ParameterLimit
from fairlead_operator.api.jsonvalue import Schema, accepts, describe, shown

_ENDS = ("minimum", "maximum")


def check_limit(where: str, entries: Sequence[Mapping[str, Any]], limit: ParameterLimit) -> Iterator[str]:
    """What is wrong with a limit; `entries` are the parameter's in the tables of the APIs that have it."""
    possible = tuple(dict.fromkeys(name for entry in entries for name in entry.get("limits", ())))
    if not possible:
        yield f"{where}: this parameter cannot have limits; remove it"
        return
    sides = limit.model_dump(by_alias=True, exclude_none=True)
    if not sides:
        yield f"{where} needs {' or '.join(possible)}"
    for side in sides:
        if side not in possible:
            yield f"{where}.{side}: this parameter has no such bound; use {' or '.join(possible)}"
            return
    yield from _check_range(where, [entry["schema"] for entry in entries], limit)


def _check_range(where: str, schemas: list[Schema], limit: ParameterLimit) -> Iterator[str]:
    for side in _ENDS:
        value = getattr(limit, side)
        kind = {"type": schemas[0].get("type")}
        if value is not None and not accepts(kind, value):
            yield f"{where}.{side} must be {describe(kind)}, not {shown(value)}"
            return
    for schema in schemas:
        if _is_empty(applied(schema, limit)):
            yield f"{where} leaves no value, since the parameter is {describe(schema)}; move the bounds"
            return


def applied(schema: Schema, limit: ParameterLimit) -> Schema:
    """A parameter's schema within a limit: a narrower range of a number, another size of a list."""
    found = dict(schema)
    if "anyOf" in found:
        return found | {"anyOf": [applied(option, limit) for option in found["anyOf"]]}
    low, high = limit.minimum, limit.maximum
    if low is not None and low > found.get("minimum", found.get("exclusiveMinimum", low - 1)):
        found.pop("exclusiveMinimum", None)
        found["minimum"] = low
    if high is not None and high < found.get("maximum", high + 1):
        found["maximum"] = high
    if limit.max_items is not None:
        found |= {word: limit.max_items for word in ("maxItems", "maxProperties") if word in found}
    return found


def _is_empty(schema: Schema) -> bool:
    high = schema.get("maximum", inf)
    return bool(schema.get("minimum", -inf) > high or schema.get("exclusiveMinimum", -inf) >= high)


def characters(value: Any) -> int:
    """The characters of all texts and names in a value. A number counts as eight, as in the gateway."""
    total, stack = 0, [value]
    while stack:
        match stack.pop():
            case str() as text:
                total += len(text)
            case dict() as entries:
                total += sum(map(len, entries))
                stack.extend(entries.values())
            case list() as found:
                stack.extend(found)
            case _:
                total += 8
    return total
