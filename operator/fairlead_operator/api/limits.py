"""Whether a limit in spec.api.limits fits its parameter, and what is left of the parameter within it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fairlead_contract.values import Kind, Limit, Number, limited
from fairlead_contract.values.limits import FIELDS
from fairlead_operator.api.endpoint import ParameterLimit
from fairlead_operator.api.jsonvalue import describe, shown

_ENDS = ("minimum", "maximum")


@dataclass(frozen=True)
class Entry:
    """A parameter in one API of a dialect, with the settings that a deployment may make for it."""

    kind: Kind
    settable: bool
    """Whether it may have a default."""
    limits: tuple[str, ...]
    """The bounds that may be set, by their names in the spec."""
    max_length: int | None
    """Characters of all texts in a value."""


def check_limit(where: str, entries: Sequence[Entry], limit: ParameterLimit) -> Iterator[str]:
    """The problem of a limit; `entries` are the parameter's in the APIs' tables."""
    possible = tuple(dict.fromkeys(name for entry in entries for name in entry.limits))
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
    yield from _check_range(where, [entry.kind for entry in entries], limit)


def _check_range(where: str, kinds: list[Kind], limit: ParameterLimit) -> Iterator[str]:
    numbers = [kind for kind in kinds if isinstance(kind, Number)]
    for side in _ENDS:
        value = getattr(limit, side)
        if value is not None and numbers and type(value) not in numbers[0].types:
            yield f"{where}.{side} must be {describe({'type': numbers[0].noun})}, not {shown(value)}"
            return
    for kind in numbers:
        if _is_empty(applied(kind, limit)):
            allowed = describe(kind.schema())
            yield f"{where} leaves no value, since the parameter is {allowed}; move the bounds"
            return


def applied(kind: Kind, limit: ParameterLimit) -> Kind:
    """A parameter's kind within a limit: a narrower range of a number, another size of a list."""
    return limited(kind, Limit(**{name: getattr(limit, name) for name in FIELDS.values()}))


def _is_empty(kind: Kind) -> bool:
    if not isinstance(kind, Number) or kind.minimum is None or kind.maximum is None:
        return False
    return kind.minimum > kind.maximum or (kind.exclusive and kind.minimum == kind.maximum)
