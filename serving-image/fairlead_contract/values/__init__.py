"""Kinds of JSON values: how a parameter's value is checked, described and exported.

`accepts` runs for every parameter of every request, so it only answers yes or no; `fault` runs once the
answer was no and finds the place and the words. JSON's own types count: a string is never taken for a number
and a boolean never for an integer, because a silent conversion hides the caller's mistake.
"""

from __future__ import annotations

from .containers import AnyOf, Array, Object, TokenMap
from .kind import ABSENT, Absent, Kind, ValueFault, shown
from .length import length_of
from .limits import Limit, limitable, limited, read_limits
from .scalars import Boolean, Choice, Integer, Number, String

__all__ = [
    "ABSENT",
    "Absent",
    "AnyOf",
    "Array",
    "Boolean",
    "Choice",
    "Integer",
    "Kind",
    "Limit",
    "Number",
    "Object",
    "String",
    "TokenMap",
    "ValueFault",
    "length_of",
    "limitable",
    "limited",
    "read_limits",
    "shown",
]
