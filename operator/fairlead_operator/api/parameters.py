"""Whether spec.api.defaults and spec.api.limits fit the parameters of the dialect.

The gateway owns the tables of parameters. parameters.json beside this file is what its generator writes of
them, so that a mistake is found where the model is written and not by the first request. Checked here and not
by the API server: what a name takes depends on the dialect, and Kubernetes' schemas have no fractions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib import resources
from math import inf
from typing import Any

from fairlead_operator.api.endpoint import Api, Limit
from fairlead_operator.api.jsonvalue import Schema, accepts, describe, shown

# Three names of one bound on the length of the answer.
OUTPUT_BOUNDS = ("max_completion_tokens", "max_output_tokens", "max_tokens")

# Part of the package as the code is, and read once like it.
_TABLE: Mapping[str, Any] = json.loads(resources.files(__package__).joinpath("parameters.json").read_text())
DIALECTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = _TABLE["dialects"]


def check_parameters(api: Api) -> list[str]:
    """What is wrong with the defaults and limits; each text names the field and the remedy."""
    tables = DIALECTS[api.dialect]
    problems = [*_check_twice(api.defaults, "defaults"), *_check_twice(api.limits, "limits")]
    limits: dict[str, Limit] = {}
    for name, limit in api.limits.items():
        found = list(_check_limit(tables, name, limit))
        problems += found
        if not found:
            limits |= dict.fromkeys(OUTPUT_BOUNDS if name in OUTPUT_BOUNDS else (name,), limit)
    for name, value in api.defaults.items():
        problems += _check_default(tables, name, value, limits.get(name))
    return problems


def _entries(tables: Mapping[str, Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """What the APIs say about a parameter; it may exist in one of them only."""
    return [table[name] for table in tables.values() if name in table]


def _check_twice(given: Mapping[str, Any], field: str) -> Iterator[str]:
    names = [name for name in OUTPUT_BOUNDS if name in given]
    if len(names) > 1:
        yield f"spec.api.{field}: {' and '.join(names)} mean the same; keep one of them"


def _check_limit(tables: Mapping[str, Mapping[str, Any]], name: str, limit: Limit) -> Iterator[str]:
    where = f"spec.api.limits.{name}"
    schemas = [entry["schema"] for entry in _entries(tables, name)]
    if not schemas:
        yield _unknown(where, tables, name)
        return
    if any(schema.get("type") not in ("integer", "number") for schema in schemas):
        yield f"{where}: only parameters that are numbers can have limits; remove it"
        return
    sides = {side: value for side, value in _sides(limit).items() if value is not None}
    if not sides:
        yield f"{where} needs minimum, maximum or both"
    for side, value in sides.items():
        kind = {"type": schemas[0]["type"]}
        if not accepts(kind, value):
            yield f"{where}.{side} must be {describe(kind)}, not {shown(value)}"
            return
    for schema in schemas:
        if _is_empty(_narrowed(schema, limit)):
            yield f"{where} leaves no value, since the parameter is {describe(schema)}; move the bounds"
            return


def _check_default(
    tables: Mapping[str, Mapping[str, Any]], name: str, value: Any, limit: Limit | None
) -> Iterator[str]:
    where = f"spec.api.defaults.{name}"
    entries = _entries(tables, name)
    if not entries:
        yield _unknown(where, tables, name)
        return
    settable = [entry for entry in entries if entry["settable"]]
    if not settable:
        yield f"{where}: this parameter cannot have a default; remove it"
    for entry in settable:
        if not accepts(entry["schema"], value):
            yield f"{where} must be {describe(entry['schema'])}, not {shown(value)}"
            return
        narrowed = _narrowed(entry["schema"], limit) if limit else entry["schema"]
        if not accepts(narrowed, value):
            yield f"{where} must be {describe(narrowed)}, by spec.api.limits, not {shown(value)}"
            return


def _sides(limit: Limit) -> dict[str, Any]:
    return {"minimum": limit.minimum, "maximum": limit.maximum}


def _narrowed(schema: Schema, limit: Limit) -> Schema:
    """A number's schema within a limit as well; the narrower side wins."""
    low, high = limit.minimum, limit.maximum
    found = dict(schema)
    if low is not None and low > found.get("minimum", found.get("exclusiveMinimum", low - 1)):
        found.pop("exclusiveMinimum", None)
        found["minimum"] = low
    if high is not None and high < found.get("maximum", high + 1):
        found["maximum"] = high
    return found


def _is_empty(schema: Schema) -> bool:
    high = schema.get("maximum", inf)
    return bool(schema.get("minimum", -inf) > high or schema.get("exclusiveMinimum", -inf) >= high)


def _unknown(where: str, tables: Mapping[str, Mapping[str, Any]], name: str) -> str:
    known = {known for table in tables.values() for known in table}
    near = get_close_matches(name, sorted(known), n=1)
    remedy = f"did you mean {near[0]}?" if near else "remove it"
    return f"{where}: there is no such parameter; {remedy}"
