"""Defaults and limits of a model against the tables of its dialect: what fits, and what is said otherwise."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from fairlead_contract.dialects import DIALECTS
from fairlead_contract.parameters import ApiKind
from fairlead_operator.api.endpoint import Api
from fairlead_operator.api.parameters import MAX_NAME_CHARACTERS, MAX_PROBLEMS, TABLES, check_parameters


def problems(dialect: str = "OpenAI", **fields: Any) -> list[str]:
    return check_parameters(Api.model_validate({"dialect": dialect, **fields}))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"defaults": {"temperature": 0.2, "stop": ["a"], "chat_template_kwargs": {"a": 1}, "seed": -1}},
        {"defaults": {"max_output_tokens": 5}},
        {"defaults": {"stop": "a"}},
        {"limits": {"max_tokens": {"maximum": 9}, "temperature": {"minimum": 0.5, "maximum": 0.5}}},
        {"limits": {"stop": {"maxItems": 2, "maxLength": 20}, "logit_bias": {"maxItems": 5000}}},
        {"limits": {"response_format": {"maxLength": 9, "maxValues": 9, "maxStates": 9_000_000}}},
        {"limits": {"messages": {"maxLength": 9_000_000, "maxMedia": 1}}},
        {"defaults": {"stop": ["a", "b", "c", "d", "e"]}, "limits": {"stop": {"maxItems": 5}}},
        {"defaults": {"bad_words": ["a" * 20_000]}, "limits": {"bad_words": {"maxLength": 20_000}}},
        {"defaults": {"temperature": 1}, "limits": {"temperature": {"maximum": 1}}},
    ],
)
def test_parameters_within_their_ranges_cause_no_problem(fields: dict[str, Any]) -> None:
    assert problems(**fields) == []


DEFAULTS: list[tuple[dict[str, Any], str]] = [
    ({"temperature": 3}, ".temperature must be a number from 0 to 2, not 3"),
    ({"temperature": "1"}, '.temperature must be a number from 0 to 2, not "1"'),
    ({"temperature": True}, ".temperature must be a number from 0 to 2, not true"),
    ({"temperature": None}, ".temperature must be a number from 0 to 2, not null"),
    ({"seed": 1.5}, ".seed must be an integer"),
    ({"stop": [""]}, ".stop must be a string of at least 1 characters or a list"),
    ({"chat_template_kwargs": 1}, ".chat_template_kwargs must be an object, not 1"),
    ({"temprature": 1}, ".temprature: there is no such parameter; did you mean temperature?"),
    ({"zzz": 1}, ".zzz: there is no such parameter; remove it"),
    ({"model": "a"}, ".model: this parameter cannot have a default; remove it"),
    ({"bad_words": ["a" * 20_000]}, ".bad_words has 20000 characters in all and may have 16384; shorten it"),
    (
        {"max_tokens": 1, "max_completion_tokens": 1},
        ": max_completion_tokens and max_tokens mean the same; keep one of them",
    ),
]
LIMITS: list[tuple[dict[str, Any], str]] = [
    ({"zzz": {"maximum": 1}}, ".zzz: there is no such parameter; remove it"),
    ({"stop": {"maximum": 1}}, ".stop.maximum: this parameter has no such bound; use maxItems or maxLength"),
    (
        {"temperature": {"maxLength": 1}},
        ".temperature.maxLength: this parameter has no such bound; use minimum or maximum",
    ),
    ({"stream": {"maxItems": 1}}, ".stream: this parameter cannot have limits; remove it"),
    ({"temperature": {}}, ".temperature needs minimum or maximum"),
    ({"guided_regex": {}}, ".guided_regex needs maxLength or maxStates"),
    (
        {"messages": {"maxLength": 1}, "input": {"maxLength": 1}},
        ": input and messages mean the same; keep one of them",
    ),
    ({"temperature": {"maximum": "1"}}, '.temperature.maximum must be a number, not "1"'),
    ({"max_tokens": {"minimum": 1.5}}, ".max_tokens.minimum must be an integer, not 1.5"),
    ({"temperature": {"minimum": 1, "maximum": 0.5}}, ".temperature leaves no value"),
    (
        {"temperature": {"minimum": 3}},
        ".temperature leaves no value, since the parameter is a number from 0 to 2",
    ),
    (
        {"repetition_penalty": {"maximum": 0}},
        ".repetition_penalty leaves no value, since the parameter is a number from 0.01 to 100",
    ),
    (
        {"max_tokens": {"maximum": 9}, "max_output_tokens": {"maximum": 9}},
        ": max_output_tokens and max_tokens mean the same; keep one of them",
    ),
]


@pytest.mark.parametrize(("defaults", "text"), DEFAULTS)
def test_an_unsuitable_default_is_reported_with_a_remedy(defaults: dict[str, Any], text: str) -> None:
    (problem,) = problems(defaults=defaults)
    assert problem.startswith(f"spec.api.defaults{text}")


@pytest.mark.parametrize(("limits", "text"), LIMITS)
def test_an_unsuitable_limit_is_reported_with_a_remedy(limits: dict[str, Any], text: str) -> None:
    (problem,) = problems(limits=limits)
    assert problem.startswith(f"spec.api.limits{text}")


def test_a_default_must_be_within_the_limit_of_the_model() -> None:
    (problem,) = problems(defaults={"temperature": 1.5}, limits={"temperature": {"maximum": 1}})
    assert problem == (
        "spec.api.defaults.temperature must be a number from 0 to 1, by spec.api.limits, not 1.5"
    )


def test_a_limit_on_the_answers_length_holds_under_each_of_its_names() -> None:
    (problem,) = problems(defaults={"max_completion_tokens": 10}, limits={"max_tokens": {"maximum": 9}})
    assert problem == (
        "spec.api.defaults.max_completion_tokens must be an integer from 1 to 9, by spec.api.limits, not 10"
    )


def test_a_default_must_be_within_the_size_that_the_model_sets() -> None:
    (problem,) = problems(defaults={"stop": ["abc"]}, limits={"stop": {"maxLength": 2}})
    assert problem == "spec.api.defaults.stop has 3 characters in all and may have 2; shorten it"
    (problem,) = problems(defaults={"stop": ["a", "b"]}, limits={"stop": {"maxItems": 1}})
    assert problem.startswith("spec.api.defaults.stop must be")


def test_a_deeply_nested_default_is_checked_without_an_error() -> None:
    deep: Any = "a"
    for _ in range(5000):
        deep = [deep]
    assert problems(defaults={"chat_template_kwargs": {"a": deep}}) == []


def test_the_range_of_a_parameter_depends_on_the_dialect() -> None:
    fields = {"defaults": {"max_tokens": 5000}}
    assert problems("OpenAI", **fields) == []
    assert problems("PolarGrid", **fields) == [
        "spec.api.defaults.max_tokens must be an integer from 1 to 4096, not 5000"
    ]


def test_all_problems_are_reported_together() -> None:
    assert len(problems(defaults={"temperature": 3, "zzz": 1}, limits={"stop": {"maximum": 1}})) == 3


def test_a_long_value_is_cut_in_the_message() -> None:
    (problem,) = problems(defaults={"temperature": "x" * 500})
    assert len(problem) < 150


def test_many_problems_and_long_names_are_cut_in_the_message() -> None:
    many = check_parameters(Api.model_validate({"defaults": {f"x{number}": 1 for number in range(1000)}}))
    assert len(many) == MAX_PROBLEMS
    (long,) = check_parameters(Api.model_validate({"defaults": {"temperature" * 1000: 1}}))
    assert long.startswith("spec.api.defaults.temperature")
    assert long.endswith("...: there is no such parameter; remove it")
    assert len(long) < 200


@pytest.mark.parametrize("dialect", TABLES)
def test_no_parameter_has_a_name_that_is_cut(dialect: str) -> None:
    names = {name for table in TABLES[dialect].values() for name in table}
    assert max(map(len, names)) <= MAX_NAME_CHARACTERS


def test_the_parameter_table_of_the_operator_has_the_dialects_ranges() -> None:
    max_tokens = TABLES["PolarGrid"][ApiKind.CHAT]["max_tokens"]

    assert max_tokens.kind.schema() == {"type": "integer", "minimum": 1, "maximum": 4096}
    assert max_tokens.settable
    assert not TABLES["OpenAI"][ApiKind.CHAT]["model"].settable


def test_the_crd_has_the_dialects_of_the_gateway() -> None:
    assert set(get_args(Api.model_fields["dialect"].annotation)) == set(DIALECTS)
