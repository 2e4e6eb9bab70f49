"""Kinds of values: types are strict, bounds are included. Gateway and operator judge by the same ones."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_contract.values import (
    AnyOf,
    Array,
    Boolean,
    Choice,
    Integer,
    Kind,
    Number,
    Object,
    String,
    TokenMap,
)

INTEGER = Integer(minimum=-1)
TEXT = String(1, 3)
LIST = Array(INTEGER, 1, 2)

# (kind, values that it allows, values that it does not)
KINDS: list[tuple[Kind, list[Any], list[Any]]] = [
    (Boolean(), [True, False], [0, 1, None, "true"]),
    (Number(0, 2), [0, 2, 0.5], [-0.1, 2.1, True, "1", None]),
    (Number(0, exclusive=True), [0.1, 9], [0, -1]),
    (INTEGER, [-1, 5], [-2, 1.0, False]),
    (Integer(maximum=5), [5, -9], [6]),
    (TEXT, ["a", "abc"], ["", "abcd", 1]),
    (Choice(("low", "high")), ["low"], ["", "LOW"]),
    (LIST, [[1], [1, 2]], [[], [1, 2, 3], [0.5], "a"]),
    (
        TokenMap(Number(0, 2), 2),
        [{}, {"5": 1.5}, {"5": 1, "60": 1}],
        [{"5": 3}, [], {"": 1}, {"a": 1}, {"5\n": 1}, {"-1": 1}, {"1": 1, "2": 1, "3": 1}],
    ),
    (Object(), [{"a": []}], [[], "a"]),
    (AnyOf((TEXT, LIST)), ["a", [1]], ["", [], 1]),
]


@pytest.mark.parametrize(("kind", "value"), [(kind[0], value) for kind in KINDS for value in kind[1]])
def test_a_value_that_matches_the_schema_is_accepted(kind: Kind, value: Any) -> None:
    assert kind.accepts(value)
    assert kind.fault(value, "a") is None


@pytest.mark.parametrize(("kind", "value"), [(kind[0], value) for kind in KINDS for value in kind[2]])
def test_a_value_that_does_not_match_the_schema_has_an_error(kind: Kind, value: Any) -> None:
    assert not kind.accepts(value)
    assert kind.fault(value, "a") is not None
