"""Defaults and limits: the document's, and a deployment's over them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fairlead_contract.values import Limit
from fairlead_gateway.contract.policy import EngineFacts, make_policy

from .support import SERVED, policy, refusal, request, sent


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("OpenAI", {}),
        ("IG1", {}),
        ("PolarGrid", {"max_tokens": 150, "temperature": 0.7, "top_p": 0.9}),
        ("RAG", {"max_tokens": 2048, "temperature": 0.2, "top_p": 0.6}),
        (
            "IOIntelligence",
            {"temperature": 0.7, "top_p": 1, "top_k": -1, "min_p": 0, "repetition_penalty": 1},
        ),
    ],
)
def test_the_dialects_defaults_are_sent_where_the_engine_has_others(
    dialect: str, expected: dict[str, Any]
) -> None:
    assert sent(policy(dialect)) == expected


def test_parameters_of_the_client_override_defaults() -> None:
    assert sent(policy("PolarGrid"), temperature=0, max_tokens=7) == {
        "temperature": 0,
        "max_tokens": 7,
        "top_p": 0.9,
    }


def test_a_null_parameter_gets_the_default() -> None:
    assert sent(policy("PolarGrid"), temperature=None)["temperature"] == 0.7


def test_max_completion_tokens_replaces_the_default_of_max_tokens() -> None:
    assert "max_tokens" not in sent(policy("RAG"), max_completion_tokens=5)


def test_both_names_of_the_output_limit_are_passed_on() -> None:
    assert sent(max_tokens=5, max_completion_tokens=6) == {"max_tokens": 5, "max_completion_tokens": 6}


@pytest.mark.parametrize(("context", "expected"), [(None, 2048), (4096, 2048), (1024, 1023), (1, 1)])
def test_the_default_of_max_tokens_fits_the_context(context: int | None, expected: int) -> None:
    assert sent(policy("RAG", context_length=context))["max_tokens"] == expected


def test_a_context_length_learned_later_limits_the_default() -> None:
    learned = replace(policy("RAG"), engine=EngineFacts(context_length=512))

    assert sent(learned)["max_tokens"] == 511


def test_the_default_of_parallel_tool_calls_applies_only_with_tools() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]

    assert sent(policy("IOIntelligence"), tools=tools)["parallel_tool_calls"] is False
    assert "parallel_tool_calls" not in sent(policy("IOIntelligence"))


def test_a_deployments_default_overrides_the_dialects() -> None:
    mine = make_policy(SERVED, "PolarGrid", {"temperature": 0.1, "max_completion_tokens": 20})

    assert sent(mine) == {"temperature": 0.1, "max_tokens": 20, "top_p": 0.9}


def test_a_limit_error_names_the_deployments_limit() -> None:
    mine = make_policy(SERVED, limits={"temperature": Limit(maximum=1)})

    assert refusal(mine, temperature=1.5).message == (
        "'temperature' must be a number between 0 and 1 for this model (got 1.5)."
    )


@pytest.mark.parametrize("limited", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
@pytest.mark.parametrize("used", ["max_tokens", "max_completion_tokens"])
def test_a_limit_on_the_output_applies_under_every_name(limited: str, used: str) -> None:
    mine = make_policy(SERVED, limits={limited: Limit(maximum=50)})

    assert refusal(mine, **{used: 51}).param == used
    assert sent(mine, **{used: 50}) == {used: 50}
    assert sent(mine) == {"max_tokens": 50}


def test_a_dialects_default_is_clamped_to_the_deployments_limit() -> None:
    mine = make_policy(SERVED, "PolarGrid", limits={"temperature": Limit(maximum=0.5)})

    assert sent(mine)["temperature"] == 0.5


@pytest.mark.parametrize(
    ("defaults", "limits", "named"),
    [
        ({"temprature": 1}, {}, "api.defaults.temprature"),
        ({"temperature": 3}, {}, "api.defaults.temperature"),
        ({"temperature": "1"}, {}, "api.defaults.temperature"),
        ({"model": "x"}, {}, "api.defaults.model"),
        ({"priority": 1}, {}, "api.defaults.priority"),
        ({"truncate_prompt_tokens": -1}, {}, "api.defaults.truncate_prompt_tokens"),
        ({"guided_json": "{}"}, {}, "api.defaults.guided_json"),
        ({"store": True}, {}, "api.defaults.store"),
        ({"seed": 2**70}, {}, "api.defaults.seed"),
        ({"chat_template_kwargs": {"a": 2**70}}, {}, "api.defaults.chat_template_kwargs"),
        ({"max_tokens": 5, "max_output_tokens": 5}, {}, "mean the same"),
        ({"temperature": 1.5}, {"temperature": Limit(maximum=1)}, "api.defaults.temperature"),
        ({}, {"nonsense": Limit(maximum=1)}, "api.limits.nonsense"),
        ({}, {"stop": Limit(maximum=1)}, "api.limits.stop"),
        ({}, {"temperature": Limit()}, "api.limits.temperature"),
        ({}, {"temperature": Limit(minimum=3)}, "api.limits.temperature"),
        ({}, {"max_tokens": Limit(maximum=1.5)}, "api.limits.max_tokens"),
    ],
)
def test_an_invalid_setting_is_reported_with_field_and_remedy(
    defaults: dict[str, Any], limits: dict[str, Limit], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        make_policy(SERVED, "OpenAI", defaults, limits)


def test_an_unknown_dialect_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"api\.dialect must be one of OpenAI, IG1"):
        make_policy(SERVED, "Nope")


def test_a_deployments_reasoning_default_is_applied() -> None:
    shown = make_policy(SERVED, "IOIntelligence", {"reasoning_content": True})

    assert request(shown).transform.reasoning.value == "reasoning_content"
    assert "reasoning_content" not in sent(shown)


# What a request must say itself: its content, and what other parameters would conflict with.
OF_REQUESTS = """chat_template continue_final_message messages model n priority prompt_logprobs
response_format stream stream_options structured_outputs tool_choice tools top_logprobs truncate_prompt_tokens
use_beam_search user guided_json best_of request_id metadata"""


@pytest.mark.parametrize("name", OF_REQUESTS.split())
def test_a_parameter_that_a_request_must_set_itself_cannot_have_a_default(name: str) -> None:
    with pytest.raises(ValueError, match=f"api.defaults.{name}: this parameter cannot have a default"):
        make_policy(SERVED, defaults={name: 1})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("include_reasoning", False),
        ("reasoning_content", True),
        ("max_tokens", 5),
        ("max_completion_tokens", 5),
        ("max_output_tokens", 5),
        ("parallel_tool_calls", False),
        ("stop", ["a"]),
    ],
)
def test_other_parameters_can_have_a_default(name: str, value: Any) -> None:
    assert make_policy(SERVED, defaults={name: value}).defaults == {name: value}
