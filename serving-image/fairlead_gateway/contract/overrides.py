"""Checks the settings that a deployment makes: `spec.api.defaults` and `spec.api.limits`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from fairlead_contract.parameters import PARAMETERS, ApiKind
from fairlead_contract.parameters.deployment import SAME, limits_of, may_have_default
from fairlead_contract.parameters.measures import Bounds
from fairlead_contract.values import Kind, Limit, Number, length_of, shown

if TYPE_CHECKING:
    from .policy import RequestPolicy


def check_limits(policy: RequestPolicy) -> None:
    """Raises ValueError for a limit that its parameter cannot have."""
    _check_twice("limits", policy.limits)
    for name, limit in policy.limits.items():
        where = f"api.limits.{name}"
        apis = [api for api in ApiKind if name in PARAMETERS[api]]
        if not apis:
            raise ValueError(f"{where}: there is no such parameter. Remove it.")
        for api in apis:
            _check_sides(where, limit, limits_of(PARAMETERS[api][name]))
            _check_range(where, limit, policy.tables[api].kinds[name])


def _check_sides(where: str, limit: Limit, possible: tuple[str, ...]) -> None:
    if not possible:
        raise ValueError(f"{where}: this parameter cannot have limits. Remove it.")
    sides, words = limit.sides(), " or ".join(possible)
    if not sides:
        raise ValueError(f"{where}: set {words}.")
    for side, bound in sides.items():
        if side not in possible:
            raise ValueError(f"{where}.{side}: this parameter has no such bound. Set {words}.")
        if side not in ("minimum", "maximum") and (type(bound) is not int or bound < 1):
            raise ValueError(f"{where}.{side} must be an integer of at least 1 (got {shown(bound)}).")


def _check_range(where: str, limit: Limit, kind: Kind) -> None:
    """Raises ValueError for bounds of another type, or if a kind within its limit allows no value."""
    if not isinstance(kind, Number):
        return
    bounds = [bound for bound in (limit.minimum, limit.maximum) if bound is not None]
    if not all(type(bound) in kind.types for bound in bounds):
        raise ValueError(f"{where}: minimum and maximum must be {kind.noun}s.")
    lower, upper = kind.minimum, kind.maximum
    if lower is not None and upper is not None and (lower > upper or (kind.exclusive and lower == upper)):
        raise ValueError(f"{where}: no value is left ({kind.describe()}). Move minimum or maximum.")


def check_defaults(policy: RequestPolicy, defaults: Mapping[str, Any]) -> None:
    """Raises ValueError for a default that a request could not send."""
    _check_twice("defaults", defaults)
    for name, value in defaults.items():
        where = f"api.defaults.{name}"
        apis = [api for api in ApiKind if name in PARAMETERS[api]]
        if not apis:
            raise ValueError(f"{where}: there is no such parameter. Remove it.")
        settable = [api for api in apis if may_have_default(PARAMETERS[api][name])]
        if not settable:
            raise ValueError(f"{where}: this parameter cannot have a default. Remove it.")
        for api in settable:
            kind = policy.tables[api].kinds[name]
            if not kind.accepts(value):
                raise ValueError(f"{where} must be {kind.describe()} (got {shown(value)}).")
        most, got = policy.bounds.get(name, Bounds()).max_length, length_of(value)
        if most is not None and got > most:
            raise ValueError(f"{where} must have at most {most} characters in all (got {got}).")
        try:
            orjson.dumps(value)
        except TypeError as error:
            raise ValueError(f"{where} cannot be sent to the engine: {error}.") from None


def _check_twice(field_name: str, given: Mapping[str, Any]) -> None:
    for same in SAME:
        names = sorted(same & given.keys())
        if len(names) > 1:
            raise ValueError(f"api.{field_name}: {' and '.join(names)} mean the same. Keep one of them.")
