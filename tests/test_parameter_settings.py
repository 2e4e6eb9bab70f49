"""Operator and gateway judge defaults and limits alike, although each has its own code for it.

The operator's check exists so that the gateway never meets a configuration that it cannot use: a gateway that
refuses its settings continues with the former ones without a visible error.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead_contract.dialects import DIALECTS
from fairlead_contract.parameters import PARAMETERS
from fairlead_contract.parameters.deployment import OUTPUT_LIMITS
from fairlead_contract.values import read_limits
from fairlead_contract.values.limits import FIELDS
from fairlead_gateway.contract.policy import make_policy
from fairlead_operator.api.endpoint import Api, ParameterLimit
from fairlead_operator.api.parameters import check_parameters

NAMES = sorted({name for table in PARAMETERS.values() for name in table})
NUMBERS = st.one_of(st.integers(-3, 5000), st.floats(-3, 3, allow_nan=False), st.just(2**63))
WORDS = st.sampled_from(["", "a", "auto", "none", "outlines", "5"])
SCALARS = st.one_of(NUMBERS, WORDS, st.booleans(), st.none())
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=5),
    st.dictionaries(WORDS, SCALARS, max_size=2),
    st.lists(st.dictionaries(WORDS, SCALARS, max_size=2), max_size=2),
)
DEFAULTS = st.dictionaries(st.sampled_from([*NAMES, "unheard_of"]), VALUES, max_size=2)
SIDES = st.fixed_dictionaries(
    {},
    optional={"minimum": NUMBERS, "maximum": NUMBERS}
    | dict.fromkeys(["maxItems", "maxLength", "maxValues", "maxStates", "maxMedia"], st.integers(1, 2**30)),
)
LIMITS = st.dictionaries(
    st.sampled_from(
        [*NAMES, *sorted(OUTPUT_LIMITS), "temperature", "stop", "messages", "input", "unheard_of"]
    ),
    st.dictionaries(st.sampled_from(["minimum", "maximum"]), NUMBERS, max_size=2) | SIDES,
    max_size=2,
)


def gateway_refuses(dialect: str, defaults: dict[str, Any], limits: dict[str, dict[str, Any]]) -> str:
    try:
        make_policy(("tiny",), dialect, defaults, read_limits(limits))
    except ValueError as error:
        return str(error)
    return ""


def operator_refuses(dialect: str, defaults: dict[str, Any], limits: dict[str, dict[str, Any]]) -> list[str]:
    fields = {"dialect": dialect, "defaults": defaults, "limits": limits}
    return check_parameters(Api.model_validate(fields))


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(DIALECTS)), DEFAULTS, LIMITS)
def test_settings_accepted_by_the_operator_are_accepted_by_the_gateway(
    dialect: str, defaults: dict[str, Any], limits: dict[str, dict[str, Any]]
) -> None:
    if not operator_refuses(dialect, defaults, limits):
        assert gateway_refuses(dialect, defaults, limits) == ""


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(DIALECTS)), st.sampled_from(NAMES), VALUES)
def test_defaults_accepted_by_the_gateway_are_accepted_by_the_operator(
    dialect: str, name: str, value: Any
) -> None:
    if not gateway_refuses(dialect, {name: value}, {}):
        assert operator_refuses(dialect, {name: value}, {}) == []


def test_operator_and_gateway_have_the_same_parameter_bounds() -> None:
    assert {field.alias for field in ParameterLimit.model_fields.values()} == FIELDS.keys()


@pytest.mark.parametrize("limits", [{}, {"stop": {"maxLength": 9}, "bad_words": {"maxLength": 20_000}}])
@pytest.mark.parametrize("name", ["stop", "bad_words", "chat_template_kwargs"])
@pytest.mark.parametrize("characters", [1, 9, 10, 16_384, 16_385, 20_000, 20_001])
def test_operator_and_gateway_measure_a_default_equally(
    limits: dict[str, Any], name: str, characters: int
) -> None:
    value: Any = {"a": "a" * characters} if name == "chat_template_kwargs" else ["a" * characters]
    refused = bool(operator_refuses("OpenAI", {name: value}, limits))

    assert bool(gateway_refuses("OpenAI", {name: value}, limits)) == refused


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("defaults", "limits"),
    [
        ({"temperature": 0.2, "max_tokens": 100}, {}),
        ({}, {"max_tokens": {"minimum": 1, "maximum": 100}, "temperature": {"maximum": 1.5}}),
        ({"top_p": 0.5}, {"top_p": {"minimum": 0.5}}),
        ({"stop": ["a"] * 5}, {"stop": {"maxItems": 5, "maxLength": 20_000}}),
        ({"bad_words": ["a" * 300]}, {"messages": {"maxLength": 99}, "text": {"maxStates": 5}}),
    ],
)
def test_common_settings_are_accepted_by_operator_and_gateway(
    dialect: str, defaults: dict[str, Any], limits: dict[str, Any]
) -> None:
    assert operator_refuses(dialect, defaults, limits) == []
    assert gateway_refuses(dialect, defaults, limits) == ""
