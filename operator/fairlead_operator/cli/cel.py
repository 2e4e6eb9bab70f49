"""Evaluates the CRD's validation rules, which are CEL with a few functions that Kubernetes adds.

The library has the language and RE2; of Kubernetes' functions there is here what the rules use: `quantity`
and its `compareTo`. Numbers are exact, as in the API server.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import celpy
from celpy.adapter import json_to_cel
from celpy.celtypes import IntType, StringType
from celpy.evaluation import CELEvalError, CELFunction

from fairlead_operator.render.quantity import quantity_value


def holds(expression: str, value: Any) -> bool:
    """Whether a rule holds for a value (`self`). A rule that cannot be evaluated does not hold."""
    try:
        return bool(_program(expression).evaluate({"self": json_to_cel(value)}))
    except CELEvalError:
        return False


@cache
def _program(expression: str) -> celpy.Runner:
    environment = celpy.Environment()
    return environment.program(environment.compile(expression), functions=_FUNCTIONS)


def _quantity(text: StringType) -> StringType:
    # The exact number as text: CEL has no type that holds it. A ValueError makes the rule fail.
    return StringType(str(quantity_value(text)))


def _compare(one: StringType, other: StringType) -> IntType:
    left, right = Fraction(one), Fraction(other)
    return IntType((left > right) - (left < right))


_FUNCTIONS: dict[str, CELFunction] = {"quantity": _quantity, "compareTo": _compare}
