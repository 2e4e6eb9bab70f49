"""Several answers to one request, and the choice among candidates."""

from __future__ import annotations

from typing import Any

from fairlead_contract.parameters import ApiKind
from tests.effects.endpoint import Endpoint
from tests.effects.registry import effect

SAMPLED: dict[str, Any] = {"temperature": 1, "seed": 5}
# The greedy answer to it ends by itself after 15 tokens.
ENDING_PROMPT = "green blue"


def _logprob(endpoint: Endpoint, said: str) -> float:
    """How probable the engine finds an answer, by having it read as the beginning of one."""
    reader = endpoint.over(ApiKind.CHAT)
    read: dict[str, Any] = {
        "messages": [*reader.prompt("hello")["messages"], {"role": "assistant", "content": said}],
        "continue_final_message": True,
        "prompt_logprobs": 0,
        "max_tokens": 1,
    }
    answer = reader.ask(**read)
    asked = reader.greedy().prompt_tokens
    ranks = answer.document["prompt_logprobs"][asked:]
    assert len(ranks) == 3, "the answer's text must have the tokens it was made of"
    return sum(float(next(iter(rank.values()))["logprob"]) for rank in ranks)


@effect("n", apis=(ApiKind.CHAT,))
def n(endpoint: Endpoint) -> None:
    """So many different random answers in one."""
    answer = endpoint.ask(**SAMPLED, n=3)

    assert len({choice.text for choice in answer.choices}) == 3
    assert [choice["index"] for choice in answer.document["choices"]] == [0, 1, 2]
    assert answer.output_tokens == 3 * 8


@effect("best_of", apis=(ApiKind.CHAT,))
def best_of(endpoint: Endpoint) -> None:
    """The candidates with the highest mean log probability, best first."""
    candidates = endpoint.trace(**SAMPLED, n=5).choices
    ranked = sorted(candidates, key=lambda choice: choice.mean_logprob, reverse=True)
    assert [choice.text for choice in ranked] != [choice.text for choice in candidates]

    answer = endpoint.ask(**SAMPLED, n=2, best_of=5)

    assert [choice.text for choice in answer.choices] == [choice.text for choice in ranked[:2]]
    assert [choice["index"] for choice in answer.document["choices"]] == [0, 1]
    assert all(choice.get("logprobs") is None for choice in answer.document["choices"])
    assert endpoint.refused(**SAMPLED, n=3, best_of=2).param == "best_of"
    assert endpoint.refused(**SAMPLED, best_of=2, stream=True).param == "best_of"


@effect("use_beam_search")
def use_beam_search(endpoint: Endpoint) -> None:
    """The most probable answers, the best first, never random; what the search would ignore is refused."""
    searched: dict[str, Any] = {"temperature": 1, "use_beam_search": True, endpoint.limit: 3}
    if endpoint.api is ApiKind.CHAT:
        searched["n"] = 3

    found = [[choice.text for choice in endpoint.ask(**searched).choices] for _ in range(2)]

    assert found[0] == found[1]
    assert len(set(found[0])) == searched.get("n", 1)
    scores = [_logprob(endpoint, beam) for beam in found[0]]
    assert scores == sorted(scores, reverse=True)
    # The search looks further ahead than the next token, also where one answer is wanted.
    one = endpoint.ask(use_beam_search=True, **{endpoint.limit: 3}).only
    assert min(scores[0], _logprob(endpoint, one.text)) > _logprob(endpoint, endpoint.greedy(3).text)
    for ignored in ({"stop": ["a"]}, {"min_tokens": 2}, {"guided_choice": ["a"]}, {"logit_bias": {"3": 1}}):
        refusal = endpoint.refused(use_beam_search=True, **ignored)
        assert refusal.param in ("use_beam_search", *ignored)
        assert "use_beam_search" in refusal.message


@effect("length_penalty")
def length_penalty(endpoint: Endpoint) -> None:
    """Without it the sum of log probabilities favours a short beam, with it a long one."""
    beams: dict[str, Any] = {"use_beam_search": True, endpoint.limit: 18}

    short = endpoint.ask(ENDING_PROMPT, **beams, length_penalty=0)
    long = endpoint.ask(ENDING_PROMPT, **beams, length_penalty=8)

    assert short.only.finish == "stop"
    assert long.only.finish == "length"
    assert len(long.text) > len(short.text)
