"""Several candidates: beam search with what it heeds, best_of, n."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairlead_gateway.contract.response_transform import Selection
from fairlead_gateway.contract.rules.search import BEAMS

from .answers import DONE, choice, chunk, completion, encoded, message
from .support import adapter, policy, refusal, request, sent


@pytest.mark.parametrize(
    "partner",
    [
        {"stop": "a"},
        {"stop": ["a"]},
        {"stop_token_ids": [1]},
        {"top_p": 0.5},
        {"top_k": 5},
        {"min_p": 0.1},
        {"presence_penalty": 1},
        {"frequency_penalty": 1},
        {"repetition_penalty": 1.1},
        {"seed": 1},
        {"min_tokens": 2},
        {"bad_words": ["a"]},
        {"allowed_token_ids": [1]},
        {"logit_bias": {"1": 1}},
        {"logprobs": True},
        {"prompt_logprobs": 1},
        {"best_of": 2},
        {"guided_regex": "a"},
        {"structured_outputs": {"regex": "a"}},
        {"response_format": {"type": "json_object"}},
        {"spaces_between_special_tokens": False},
        {"tools": [{"function": {"name": "f"}}], "tool_choice": "required"},
    ],
)
def test_parameters_ignored_by_beam_search_are_refused_with_both_names(partner: dict[str, Any]) -> None:
    message = refusal(use_beam_search=True, **partner).message

    assert "'use_beam_search'" in message
    assert f"'{list(partner)[-1]}'" in message


def test_priority_with_beam_search_is_refused_even_with_priority_scheduling() -> None:
    error = refusal(policy(schedules_by_priority=True), use_beam_search=True, priority=1)

    assert "'use_beam_search'" in error.message


@pytest.mark.parametrize(
    "partner",
    [
        {"temperature": 0.5},
        {"length_penalty": 2},
        {"n": 3},
        {"max_tokens": 5},
        {"ignore_eos": True},
        {"include_stop_str_in_output": True},
        {"skip_special_tokens": False},
        {"stop": [], "top_p": 1, "top_k": -1, "min_p": 0, "logprobs": False, "min_tokens": 0},
        {"seed": None, "best_of": None},
    ],
)
def test_parameters_that_beam_search_supports_or_that_are_off_are_accepted(partner: dict[str, Any]) -> None:
    given = {name: value for name, value in partner.items() if value is not None}

    assert sent(use_beam_search=True, **partner) == {"use_beam_search": True, "n": BEAMS, **given}


def test_dialect_defaults_do_not_conflict_with_beam_search() -> None:
    assert sent(policy("IOIntelligence"), use_beam_search=True)["use_beam_search"] is True


def test_without_beam_search_no_parameter_conflicts() -> None:
    assert sent(use_beam_search=False, seed=1) == {"use_beam_search": False, "seed": 1}


@pytest.mark.parametrize("asked", [{}, {"n": 1}])
@pytest.mark.parametrize(("most", "width"), [(-1, BEAMS), (20, BEAMS), (5, 2), (2, 1)])
def test_one_answer_with_beam_search_uses_several_beams(asked: dict[str, Any], most: int, width: int) -> None:
    assert sent(policy(max_logprobs=most), use_beam_search=True, **asked)["n"] == width


def test_the_best_beam_is_the_answer() -> None:
    beams = [choice(index, message=message(text)) for index, text in enumerate(("best", "other"))]

    shaped = json.loads(adapter(use_beam_search=True).whole(encoded(completion(*beams))))

    assert [found["message"]["content"] for found in shaped["choices"]] == ["best"]


def test_the_best_beam_is_the_answer_of_a_stream() -> None:
    asked = adapter(use_beam_search=True, stream=True)
    beams = [chunk({"content": f"beam{index}"}, "stop", index) for index in range(BEAMS)]

    _, relay = asked.stream()
    out = relay.feed(b"".join(beams) + DONE) + relay.end()

    assert b"beam0" in out
    assert b"beam1" not in out
    assert out.endswith(DONE)


@pytest.mark.parametrize(("most", "widest"), [(20, 10), (7, 3)])
def test_the_number_of_beams_is_limited_by_the_engines_logprobs(most: int, widest: int) -> None:
    mine = policy(max_logprobs=most)

    assert sent(mine, use_beam_search=True, n=widest)["n"] == widest
    assert refusal(mine, use_beam_search=True, n=widest + 1).param == "n"


def test_without_a_logprobs_limit_the_number_of_beams_is_not_limited() -> None:
    assert sent(policy(max_logprobs=-1), use_beam_search=True, n=100)["n"] == 100


@pytest.mark.parametrize("temperature", [0, 1e-6])
def test_equal_choices_are_refused(temperature: float) -> None:
    message = refusal(n=2, temperature=temperature).message

    assert "'n'" in message
    assert "'temperature'" in message


def test_several_beams_at_temperature_0_are_accepted() -> None:
    assert sent(n=2, temperature=0, use_beam_search=True)["n"] == 2


def test_best_of_requests_more_choices_with_log_probabilities() -> None:
    prepared = request(best_of=4, n=2)

    assert sent(best_of=4, n=2) == {"n": 4, "logprobs": True}
    assert prepared.transform.selection == Selection(n=2, keep_logprobs=False)


def test_best_of_keeps_the_requested_log_probabilities() -> None:
    prepared = request(best_of=3, logprobs=True, top_logprobs=2)

    assert prepared.document["top_logprobs"] == 2
    assert prepared.transform.selection == Selection(n=1, keep_logprobs=True)


@pytest.mark.parametrize(
    "changes", [{"best_of": 1}, {"best_of": 2, "n": 2}, {"best_of": 2, "n": 2, "stream": True}]
)
def test_best_of_equal_to_n_changes_nothing(changes: dict[str, Any]) -> None:
    assert sent(**changes) == {name: value for name, value in changes.items() if name != "best_of"}
    assert request(**changes).transform.selection is None


def test_best_of_at_temperature_0_generates_one_candidate() -> None:
    assert sent(best_of=5, temperature=0) == {"temperature": 0}


def test_best_of_below_n_is_refused() -> None:
    assert refusal(best_of=2, n=3).param == "best_of"


def test_best_of_in_a_stream_is_refused() -> None:
    message = refusal(best_of=2, stream=True).message

    assert "'best_of'" in message
    assert "'stream'" in message


def test_a_stream_is_complete_when_all_choices_have_finished() -> None:
    assert request(n=3, stream=True).transform.choices == 3
