"""Sampling, log probabilities, stream options, priority, reasoning, request ids."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_gateway.contract.response_transform import Reasoning

from .support import policy, refusal, request, sent


@pytest.mark.parametrize("dialect", ["OpenAI", "IG1", "IOIntelligence", "PolarGrid"])
def test_top_p_0_keeps_one_token(dialect: str) -> None:
    assert 0 < sent(policy(dialect), top_p=0)["top_p"] < 1e-3


def test_top_logprobs_without_logprobs_is_refused() -> None:
    assert refusal(top_logprobs=2).param == "top_logprobs"
    assert refusal(top_logprobs=2, logprobs=False).param == "top_logprobs"
    assert sent(top_logprobs=0) == {"top_logprobs": 0}
    assert sent(top_logprobs=2, logprobs=True) == {"top_logprobs": 2, "logprobs": True}


@pytest.mark.parametrize("changes", [{"top_logprobs": 6, "logprobs": True}, {"prompt_logprobs": 6}])
def test_more_alternatives_than_the_engine_gives_are_refused(changes: dict[str, Any]) -> None:
    error = refusal(policy(max_logprobs=5), **changes)

    assert error.param == next(iter(changes))
    assert "5" in error.message
    assert sent(policy(max_logprobs=-1), **changes) == changes


@pytest.mark.parametrize("number", [0, 1])
def test_prompt_logprobs_in_a_stream_are_refused(number: int) -> None:
    message = refusal(prompt_logprobs=number, stream=True).message

    assert "'prompt_logprobs'" in message
    assert "'stream'" in message


def test_stream_options_without_stream_is_refused() -> None:
    assert refusal(stream_options={"include_usage": True}).param == "stream_options"
    assert sent(stream_options={"include_usage": True}, stream=True)["stream_options"]
    assert sent(stream_options={}) == {"stream_options": {}}


def test_an_invalid_stream_option_is_refused_by_name() -> None:
    error = refusal(stream_options={"include_usage": "yes"}, stream=True)

    assert (error.param, error.code) == ("stream_options.include_usage", "invalid_type")


def test_priority_is_refused_without_priority_scheduling() -> None:
    assert refusal(priority=1).param == "priority"
    assert sent(priority=0) == {"priority": 0}
    assert sent(policy(schedules_by_priority=True), priority=-3) == {"priority": -3}


@pytest.mark.parametrize(
    ("dialect", "changes", "expected"),
    [
        ("OpenAI", {}, Reasoning.AS_RECEIVED),
        ("OpenAI", {"reasoning_content": True}, Reasoning.RENAMED),
        ("OpenAI", {"reasoning_content": False}, Reasoning.DROPPED),
        ("OpenAI", {"include_reasoning": False}, Reasoning.DROPPED),
        ("OpenAI", {"include_reasoning": True}, Reasoning.AS_RECEIVED),
        ("OpenAI", {"include_reasoning": True, "reasoning_content": True}, Reasoning.RENAMED),
        ("IOIntelligence", {}, Reasoning.DROPPED),
        ("IOIntelligence", {"reasoning_content": True}, Reasoning.RENAMED),
        ("IOIntelligence", {"reasoning_content": None}, Reasoning.DROPPED),
    ],
)
def test_the_reasoning_parameters_select_where_reasoning_is_shown(
    dialect: str, changes: dict[str, Any], expected: Reasoning
) -> None:
    prepared = request(policy(dialect), **changes)

    assert prepared.transform.reasoning is expected
    assert not {"reasoning_content", "include_reasoning"} & prepared.document.keys()


def test_contradicting_reasoning_parameters_are_refused() -> None:
    message = refusal(reasoning_content=True, include_reasoning=False).message

    assert "'reasoning_content'" in message
    assert "'include_reasoning'" in message


def test_the_clients_request_id_is_kept_for_the_answer() -> None:
    prepared = request(request_id="my-id_1:a/b")

    assert "request_id" not in prepared.document
    assert prepared.transform.request_id == "my-id_1:a/b"


@pytest.mark.parametrize("value", ["", "a b", "ä", "a\nb", "x" * 129])
def test_a_request_id_unsuitable_for_logs_or_headers_is_refused(value: str) -> None:
    assert refusal(request_id=value).param == "request_id"
