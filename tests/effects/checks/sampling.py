"""How the next token is chosen.

Where a parameter makes a hot request greedy, the same request without it shows that it would not be.
"""

from __future__ import annotations

from typing import Any

from tests.effects import vocabulary
from tests.effects.endpoint import Endpoint
from tests.effects.registry import effect

HOT: dict[str, Any] = {"temperature": 1, "seed": 3}


def _makes_greedy(endpoint: Endpoint, **narrow: float) -> None:
    wide = {name: 1 if name == "top_p" else 0 for name in narrow}

    assert endpoint.ask(**HOT, **narrow).text == endpoint.greedy().text
    assert endpoint.ask(**HOT, **wide).text != endpoint.greedy().text


@effect("temperature")
def temperature(endpoint: Endpoint) -> None:
    """The coldest answer is always the same, a hot one is another each time."""
    assert endpoint.ask().text == endpoint.ask().text == endpoint.greedy().text
    hot = {endpoint.ask(temperature=1.5).text for _ in range(3)}
    assert len(hot | {endpoint.greedy().text}) == 4


@effect("top_p")
def top_p(endpoint: Endpoint) -> None:
    """Almost no probability mass leaves only the likeliest token, and so does none where that is allowed."""
    _makes_greedy(endpoint, top_p=0.001)
    _makes_greedy(endpoint, top_p=getattr(endpoint.documented["top_p"], "minimum", 0))


@effect("top_k")
def top_k(endpoint: Endpoint) -> None:
    """One candidate is the likeliest; -1 and 0 do not limit."""
    _makes_greedy(endpoint, top_k=1)
    assert endpoint.ask(**HOT, top_k=-1).text == endpoint.ask(**HOT, top_k=0).text


@effect("min_p")
def min_p(endpoint: Endpoint) -> None:
    """Only tokens as likely as the likeliest one remain."""
    _makes_greedy(endpoint, min_p=1)


@effect("seed")
def seed(endpoint: Endpoint) -> None:
    """The same seed gives the same random answer, another seed another one."""
    first, again, other = (endpoint.ask(temperature=1, seed=number).text for number in (11, 11, 12))

    assert first == again
    assert first not in (other, endpoint.greedy().text)


@effect("logit_bias")
def logit_bias(endpoint: Endpoint) -> None:
    """100 makes a token the only one, -100 takes it out."""
    likeliest, wanted = endpoint.greedy().only.ids[0], vocabulary.ids("fox")[0]

    assert set(endpoint.trace(logit_bias={str(wanted): 100}).only.ids) == {wanted}
    assert likeliest not in endpoint.trace(logit_bias={str(likeliest): -100}).only.ids


@effect("allowed_token_ids")
def allowed_token_ids(endpoint: Endpoint) -> None:
    """Even a hot answer consists of these tokens only."""
    allowed = {300, 301, 302}
    answers = [endpoint.trace(temperature=2, seed=n, allowed_token_ids=sorted(allowed)) for n in (1, 2)]
    found = {token for answer in answers for token in answer.only.ids}

    assert found <= allowed
    assert len(found) > 1


@effect("bad_words")
def bad_words(endpoint: Endpoint) -> None:
    """A word of the greedy answer is avoided, and what stands before it stays."""
    greedy = endpoint.greedy()
    # The engine bans a word as its tokens are written inside a text.
    words = ((token, vocabulary.text((token,))) for token in greedy.only.ids)
    token, word = next((t, w) for t, w in words if w[0].isalpha() and vocabulary.ids(w) == [t])
    before = greedy.only.ids.index(token)

    found = endpoint.trace(bad_words=[word])

    assert word in greedy.text
    assert word not in found.text
    assert found.only.ids[:before] == greedy.only.ids[:before]
