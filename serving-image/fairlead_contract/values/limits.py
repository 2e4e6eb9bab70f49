"""Limits that a deployment sets over the bounds of the tables: `spec.api.limits`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from .containers import AnyOf, Array, TokenMap
from .kind import Kind
from .scalars import Number


@dataclass(frozen=True)
class Limit:
    """Bounds that a deployment sets on a parameter; None leaves the table's.

    `minimum` and `maximum` are for numbers and only narrow their range. The others replace a bound, by a
    larger or a smaller one.
    """

    minimum: float | None = None
    maximum: float | None = None
    max_items: int | None = None
    max_length: int | None = None
    max_values: int | None = None
    max_states: int | None = None
    max_media: int | None = None

    def sides(self) -> dict[str, float]:
        """Returns the bounds that are set, by their names in the spec."""
        found = {name: getattr(self, attribute) for name, attribute in FIELDS.items()}
        return {name: bound for name, bound in found.items() if bound is not None}


# The names in the spec.
FIELDS: Final[Mapping[str, str]] = {
    "minimum": "minimum",
    "maximum": "maximum",
    "maxItems": "max_items",
    "maxLength": "max_length",
    "maxValues": "max_values",
    "maxStates": "max_states",
    "maxMedia": "max_media",
}


def read_limits(given: Mapping[str, Mapping[str, Any]]) -> dict[str, Limit]:
    """The limits of a deployment by parameter. Raises ValueError for a bound that does not exist."""
    limits = {}
    for parameter, bounds in given.items():
        for name in bounds:
            if name not in FIELDS:
                known = ", ".join(FIELDS)
                raise ValueError(f"api.limits.{parameter}.{name}: there is no such bound. Use {known}.")
        limits[parameter] = Limit(**{FIELDS[name]: bound for name, bound in bounds.items()})
    return limits


def limited(kind: Kind, limit: Limit) -> Kind:
    """Returns the kind within a deployment's bounds. Bounds that the kind does not have change nothing."""
    if isinstance(kind, Number):
        return kind.within(limit.minimum, limit.maximum)
    if limit.max_items is None:
        return kind
    if isinstance(kind, AnyOf):
        return AnyOf(tuple(limited(option, limit) for option in kind.kinds))
    if isinstance(kind, Array) and kind.max_items is not None:
        return replace(kind, max_items=limit.max_items)
    if isinstance(kind, TokenMap):
        return replace(kind, max_entries=limit.max_items)
    return kind


def limitable(kind: Kind) -> tuple[str, ...]:
    """The names of the bounds that a kind has, as the spec has them."""
    if isinstance(kind, Number):
        return ("minimum", "maximum")
    if isinstance(kind, AnyOf):
        return tuple(dict.fromkeys(name for option in kind.kinds for name in limitable(option)))
    if isinstance(kind, TokenMap) or (isinstance(kind, Array) and kind.max_items is not None):
        return ("maxItems",)
    return ()
