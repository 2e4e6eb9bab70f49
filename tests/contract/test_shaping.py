"""The whole answer in the shape of the dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairlead_gateway.contract.errors import ApiError

from .answers import choice, completion, encoded, message
from .support import OPENAI, adapter, policy


def answer(body: bytes, dialect: str = "OpenAI", **changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(adapter(policy(dialect), **changes).whole(body))
    return document


def nulls(document: Any) -> set[str]:
    if isinstance(document, dict):
        own = {name for name, value in document.items() if value is None}
        return own.union(*map(nulls, document.values()))
    return set().union(*map(nulls, document)) if isinstance(document, list) else set()


def test_the_openai_dialect_passes_answers_on_byte_for_byte() -> None:
    body = b'{"id":"a", "choices": [ {"index":0,"message":{"content":"\\u00e4"},"finish_reason":"stop"} ]}'

    assert adapter(OPENAI).whole(body) == body


@pytest.mark.parametrize("dialect", ["IG1", "PolarGrid", "RAG"])
def test_answers_of_documented_dialects_have_no_null_fields(dialect: str) -> None:
    shaped = answer(encoded(completion()), dialect)

    assert nulls(shaped) == set()
    assert shaped["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}
    ]
    assert shaped["usage"] == {"prompt_tokens": 1, "total_tokens": 3, "completion_tokens": 2}


@pytest.mark.parametrize("dialect", ["IG1", "PolarGrid", "RAG", "IOIntelligence"])
def test_requested_fields_stay_in_the_answer(dialect: str) -> None:
    found = choice(
        logprobs={"content": []}, stop_reason="END", message=message(None, tool_calls=[{"id": "a"}])
    )
    shaped = answer(encoded(completion(found, prompt_logprobs=[None])), dialect)

    assert shaped["prompt_logprobs"] == [None]
    assert shaped["choices"][0]["logprobs"] == {"content": []}
    assert shaped["choices"][0]["stop_reason"] == "END"
    assert shaped["choices"][0]["message"]["tool_calls"] == [{"id": "a"}]
    assert shaped["choices"][0]["message"]["content"] is None


def test_io_intelligence_always_has_the_keys_of_its_sample() -> None:
    shaped = answer(encoded(completion()), "IOIntelligence")

    assert shaped["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "reasoning_content": None, "content": "x", "tool_calls": []},
            "logprobs": None,
            "finish_reason": "stop",
            "stop_reason": None,
        }
    ]
    assert shaped["prompt_logprobs"] is None
    assert shaped["usage"]["prompt_tokens_details"] is None


@pytest.mark.parametrize(
    ("dialect", "changes", "expected"),
    [
        ("OpenAI", {"reasoning_content": True}, {"reasoning_content": "hm"}),
        ("OpenAI", {"reasoning_content": False}, {}),
        ("OpenAI", {"include_reasoning": False}, {}),
        ("OpenAI", {}, {"reasoning": "hm"}),
        ("IG1", {}, {"reasoning": "hm"}),
        ("IG1", {"reasoning_content": True}, {"reasoning_content": "hm"}),
        ("IOIntelligence", {}, {"reasoning_content": None}),
        ("IOIntelligence", {"reasoning_content": True}, {"reasoning_content": "hm"}),
    ],
)
def test_reasoning_is_under_the_key_of_the_dialect(
    dialect: str, changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    body = encoded(completion(choice(message=message("x", reasoning="hm"))))
    found = answer(body, dialect, **changes)["choices"][0]["message"]

    assert {name: value for name, value in found.items() if name.startswith("reasoning")} == expected


def test_the_answer_has_the_requested_id() -> None:
    assert answer(encoded(completion()), request_id="mine")["id"] == "mine"


def scored(index: int, *logprobs: float) -> dict[str, Any]:
    content = [{"token": "t", "logprob": value} for value in logprobs]
    return choice(index, message=message(str(index)), logprobs={"content": content})


CANDIDATES = [scored(0, -3.0), scored(1, -1.0, -1.0, -1.0), scored(2, -0.5, -2.0), scored(3, -9.0)]


def test_best_of_ranks_candidates_by_mean_log_probability() -> None:
    found = answer(encoded(completion(*CANDIDATES)), best_of=4, n=2)["choices"]

    assert [one["message"]["content"] for one in found] == ["1", "2"]
    assert [one["index"] for one in found] == [0, 1]
    assert all(one["logprobs"] is None for one in found)


def test_the_best_candidates_keep_their_log_probabilities_on_request() -> None:
    found = answer(encoded(completion(*CANDIDATES)), best_of=4, logprobs=True)["choices"]

    assert found[0]["logprobs"]["content"][0]["logprob"] == -1.0


def test_a_candidate_without_log_probabilities_is_ranked_last() -> None:
    found = answer(encoded(completion(choice(0), scored(1, -5.0))), best_of=2)["choices"]

    assert found[0]["message"]["content"] == "1"


@pytest.mark.parametrize("dialect", ["OpenAI", "IOIntelligence"])
@pytest.mark.parametrize("reason", ["error", "abort"])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_an_answer_that_the_engine_aborted_is_a_failure(
    dialect: str, reason: str, separators: tuple[str, str]
) -> None:
    body = json.dumps(completion(choice(finish_reason=reason)), separators=separators).encode()

    with pytest.raises(ApiError) as caught:
        adapter(policy(dialect)).whole(body)
    assert caught.value.status == 502


def test_generated_text_about_failures_is_not_a_failure() -> None:
    text = '"finish_reason":"error"'

    assert (
        answer(encoded(completion(choice(message=message(text)))))["choices"][0]["message"]["content"] == text
    )


@pytest.mark.parametrize("dialect", ["OpenAI", "IG1", "IOIntelligence"])
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"null", b'{"error":{"message":"x"}}', b'{"choices":[]}', b'{"choices":5}'],
)
def test_an_answer_that_is_not_a_completion_is_an_engine_error(dialect: str, body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        adapter(policy(dialect)).whole(body)
    assert (caught.value.status, caught.value.code) == (502, "engine_error")


@pytest.mark.parametrize("changes", [{}, {"best_of": 3}, {"reasoning_content": True}])
@pytest.mark.parametrize("choices", [[None], [{}], ["a"], [{"message": 5}], [{"message": {}, "logprobs": 5}]])
def test_any_mangled_completion_is_an_engine_error(changes: dict[str, Any], choices: list[Any]) -> None:
    try:
        adapter(policy("IG1"), **changes).whole(encoded(completion(choices=choices)))
    except ApiError as error:
        assert error.status == 502  # noqa: PT017 (either outcome is fine)
