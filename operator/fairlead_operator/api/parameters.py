"""Whether spec.api.defaults and spec.api.limits fit the parameters of the dialect.

The tables of parameters are the gateway's own (`fairlead_contract`), so that a mistake is found where the
model is written and not by the first request. Checked here and not by the API server: what a name takes
depends on the dialect, and Kubernetes' schemas have no fractions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any

from fairlead_contract.dialects import DIALECTS, Dialect, kinds_of
from fairlead_contract.parameters import PARAMETERS, ApiKind
from fairlead_contract.parameters.deployment import SAME, limits_of, may_have_default
from fairlead_contract.values import length_of
from fairlead_operator.api.endpoint import Api, ParameterLimit
from fairlead_operator.api.jsonvalue import describe, shown
from fairlead_operator.api.limits import Entry, applied, check_limit

# Problems that are looked for. The defaults can have 100,000 wrong names, and near ones are looked for to
# each.
MAX_PROBLEMS = 16
# Of a name. No parameter has a longer one.
MAX_NAME_CHARACTERS = 64


Tables = Mapping[ApiKind, Mapping[str, Entry]]


def _tables(dialect: Dialect) -> Tables:
    return {
        api: {
            name: Entry(
                kind,
                may_have_default(PARAMETERS[api][name]),
                limits_of(PARAMETERS[api][name]),
                PARAMETERS[api][name].bounds.max_length,
            )
            for name, kind in kinds_of(dialect, api).items()
        }
        for api in ApiKind
    }


TABLES: Mapping[str, Tables] = {name: _tables(dialect) for name, dialect in DIALECTS.items()}


def check_parameters(api: Api) -> list[str]:
    """Returns the problems of the defaults and limits, at most MAX_PROBLEMS; each text names the field and
    the remedy.
    """
    return list(islice(_problems(api), MAX_PROBLEMS))


def _problems(api: Api) -> Iterator[str]:
    tables = TABLES[api.dialect]
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


def _entries(tables: Tables, name: str) -> list[Entry]:
    """Returns the rows of a parameter in the APIs that have it."""
    return [table[name] for table in tables.values() if name in table]


def _check_twice(given: Mapping[str, Any], field: str) -> Iterator[str]:
    for same in SAME:
        names = sorted(same & given.keys())
        if len(names) > 1:
            yield f"spec.api.{field}: {' and '.join(names)} mean the same; keep one of them"


def _check_limit(tables: Tables, name: str, limit: ParameterLimit) -> Iterator[str]:
    where = f"spec.api.limits.{name}"
    entries = _entries(tables, name)
    if entries:
        yield from check_limit(where, entries, limit)
    else:
        yield _unknown(where, tables, name)


def _check_default(tables: Tables, name: str, value: Any, limit: ParameterLimit | None) -> Iterator[str]:
    where = f"spec.api.defaults.{name}"
    entries = _entries(tables, name)
    if not entries:
        yield _unknown(where, tables, name)
        return
    settable = [entry for entry in entries if entry.settable]
    if not settable:
        yield f"{where}: this parameter cannot have a default; remove it"
    for entry in settable:
        if not (limit and limit.max_items) and not entry.kind.accepts(value):
            yield f"{where} must be {describe(entry.kind.schema())}, not {shown(value)}"
            return
        kind = applied(entry.kind, limit) if limit else entry.kind
        if not kind.accepts(value):
            yield f"{where} must be {describe(kind.schema())}, by spec.api.limits, not {shown(value)}"
            return
        most, characters = (limit and limit.max_length) or entry.max_length, length_of(value)
        if most is not None and characters > most:
            yield f"{where} has {characters} characters in all and may have {most}; shorten it"
            return


def _unknown(where: str, tables: Tables, name: str) -> str:
    if len(name) > MAX_NAME_CHARACTERS:
        where = f"{where[: -len(name)]}{name[:MAX_NAME_CHARACTERS]}..."
        return f"{where}: there is no such parameter; remove it"
    known = {known for table in tables.values() for known in table}
    near = get_close_matches(name, sorted(known), n=1)
    remedy = f"did you mean {near[0]}?" if near else "remove it"
    return f"{where}: there is no such parameter; {remedy}"
