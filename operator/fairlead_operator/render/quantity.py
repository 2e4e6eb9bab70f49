"""Resource quantities in the form in which the API server stores them.

The API server rewrites what it is given (`1024Mi` becomes `1Gi`, `0.5` becomes `500m`). Rendering the stored
form keeps a steady state free of differences.
"""

from __future__ import annotations

import contextlib
import math
import re
from fractions import Fraction
from typing import Any

_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
_SYNTAX = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))([A-Za-z]*|[eE][+-]?\d+)$")


def canonical_quantity(value: float | str) -> str:
    """The canonical form of a quantity. Raises ValueError for an invalid one."""
    number, unit = _parsed(value)
    if unit in _BINARY[1:]:
        return _binary(number)
    mantissa, exponent = _decimal(number)
    if unit[:1] not in ("e", "E") or unit == "E":
        return f"{mantissa}{_DECIMAL[exponent]}"
    return f"{mantissa}e{exponent}" if exponent else str(mantissa)


def quantity_value(value: float | str) -> Fraction:
    """The exact number that a quantity stands for. Raises ValueError for an invalid one."""
    return _parsed(value)[0]


def _parsed(value: float | str) -> tuple[Fraction, str]:
    """The number, and the unit or exponent in which it was written."""
    match = _SYNTAX.match(str(value))
    if not match:
        raise ValueError(f"{value!r} is not a resource quantity")
    number, unit = Fraction(match[1]), match[2]
    if unit in _BINARY[1:]:
        return number * 1024 ** _BINARY.index(unit), unit
    exponents = {text: exponent for exponent, text in _DECIMAL.items()}
    if unit in exponents:
        return number * Fraction(10) ** exponents[unit], unit
    if unit[:1] not in ("e", "E"):
        raise ValueError(f"{value!r} has the unknown unit {unit!r}")
    return number * Fraction(10) ** int(unit[1:]), unit


def store_quantities(values: dict[str, Any], *keys: str) -> None:
    """Rewrites quantities in place, of the given keys or of all. Invalid ones are left for the API server to
    refuse.
    """
    for key in keys or tuple(values):
        value = values.get(key)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            with contextlib.suppress(ValueError):
                values[key] = canonical_quantity(value)


def whole_number(value: int | str) -> int:
    """A quantity as a number, rounded up to a whole one. Raises ValueError for an invalid one."""
    match = _SYNTAX.match(canonical_quantity(value))
    assert match
    number, suffix = Fraction(match[1]), match[2]
    if suffix in _BINARY[1:]:
        return math.ceil(number * Fraction(1024) ** _BINARY.index(suffix))
    exponents = {text: exponent for exponent, text in _DECIMAL.items()}
    exponent = exponents[suffix] if suffix in exponents else int(suffix[1:])
    return math.ceil(number * Fraction(10) ** exponent)


def _binary(number: Fraction) -> str:
    if number.denominator != 1 or abs(number) < 1024:
        mantissa, exponent = _decimal(number)
        return f"{mantissa}{_DECIMAL[exponent]}"
    whole, power = int(number), 0
    while whole and whole % 1024 == 0 and power < len(_BINARY) - 1:
        whole, power = whole // 1024, power + 1
    return f"{whole}{_BINARY[power]}"


def _decimal(number: Fraction) -> tuple[int, int]:
    """Mantissa without trailing thousands, and exponent; finer than a nano is rounded away from zero."""
    nanos = number * 10**9
    mantissa, exponent = (math.ceil(nanos) if nanos > 0 else math.floor(nanos)), -9
    while mantissa and mantissa % 1000 == 0 and exponent < 18:
        mantissa, exponent = mantissa // 1000, exponent + 3
    return (mantissa, exponent) if mantissa else (0, 0)
