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
from itertools import islice
from math import inf
from typing import Any

from fairlead_operator.api.endpoint import Api, ParameterLimit
from fairlead_operator.api.jsonvalue import accepts, describe, shown
from fairlead_operator.api.limits import applied, characters, check_limit

# Three names of one bound on the length of the answer.
OUTPUT_BOUNDS = ("max_completion_tokens", "max_output_tokens", "max_tokens")

# Names of one thing: a limit on one of them holds for all, and two would contradict each other.
SAME = (OUTPUT_BOUNDS, ("input", "messages"), ("response_format", "text"))

# Problems that are looked for. The defaults can have 100,000 wrong names, and near ones are looked for to
# each.
MAX_PROBLEMS = 16
# Of a name. No parameter has a longer one.
MAX_NAME_CHARACTERS = 64

# Part of the package as the code is, and read once like it.
_TABLE: Mapping[str, Any] = json.loads(resources.files(__package__).joinpath("parameters.json").read_text())
DIALECTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = _TABLE["dialects"]


def check_parameters(api: Api) -> list[str]:
    """What is wrong with the defaults and limits, MAX_PROBLEMS at most; each text names the field and the
    remedy.
    """
    return list(islice(_problems(api), MAX_PROBLEMS))


def _problems(api: Api) -> Iterator[str]:
    tables = DIALECTS[api.dialect]
    yield from _check_twice(api.defaults, "defaults")
    yield from _check_twice(api.limits, "limits")
    limits: dict[str, ParameterLimit] = {}
    for name, limit in api.limits.items():
        found = list(_check_limit(tables, name, limit))
        yield from found
        if not found:
            limits |= dict.fromkeys(next((names for names in SAME if name in names), (name,)), limit)
    for name, value in api.defaults.items():
        yield from _check_default(tables, name, value, limits.get(name))


def _entries(tables: Mapping[str, Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """What the APIs say about a parameter; it may exist in one of them only."""
    return [table[name] for table in tables.values() if name in table]


def _check_twice(given: Mapping[str, Any], field: str) -> Iterator[str]:
    for same in SAME:
        names = [name for name in same if name in given]
        if len(names) > 1:
            yield f"spec.api.{field}: {' and '.join(names)} mean the same; keep one of them"


def _check_limit(tables: Mapping[str, Mapping[str, Any]], name: str, limit: ParameterLimit) -> Iterator[str]:
    where = f"spec.api.limits.{name}"
    entries = _entries(tables, name)
    if entries:
        yield from check_limit(where, entries, limit)
    else:
        yield _unknown(where, tables, name)


def _check_default(
    tables: Mapping[str, Mapping[str, Any]], name: str, value: Any, limit: ParameterLimit | None
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
        if not (limit and limit.max_items) and not accepts(entry["schema"], value):
            yield f"{where} must be {describe(entry['schema'])}, not {shown(value)}"
            return
        limited = applied(entry["schema"], limit) if limit else entry["schema"]
        if not accepts(limited, value):
            yield f"{where} must be {describe(limited)}, by spec.api.limits, not {shown(value)}"
            return
        most = (limit and limit.max_length) or entry.get("maxLength", inf)
        if characters(value) > most:
            yield f"{where} has {characters(value)} characters in all and may have {most}; shorten it"
            return


def _unknown(where: str, tables: Mapping[str, Mapping[str, Any]], name: str) -> str:
    if len(name) > MAX_NAME_CHARACTERS:
        where = f"{where[: -len(name)]}{name[:MAX_NAME_CHARACTERS]}..."
        return f"{where}: there is no such parameter; remove it"
    known = {known for table in tables.values() for known in table}
    near = get_close_matches(name, sorted(known), n=1)
    remedy = f"did you mean {near[0]}?" if near else "remove it"
    return f"{where}: there is no such parameter; {remedy}"
