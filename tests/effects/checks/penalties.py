"""Penalties for repetition: the greedy answer changes exactly where it would first repeat a token."""

from __future__ import annotations

from tests.effects.endpoint import Endpoint
from tests.effects.registry import effect

LENGTH = 16
FAVOURITE, SECOND = 300, 301


def _avoids_the_first_repetition(endpoint: Endpoint, **penalty: float) -> None:
    plain = endpoint.greedy(LENGTH).only.ids
    repeated = next(i for i, token in enumerate(plain) if token in plain[:i])

    found = endpoint.trace(**{endpoint.limit: LENGTH}, **penalty).only.ids

    assert found[:repeated] == plain[:repeated]
    assert found[repeated] not in plain[:repeated]
    assert len(set(found)) == LENGTH


def _repeats_its_favourite(endpoint: Endpoint, **penalty: float) -> tuple[int, ...]:
    bias = {str(FAVOURITE): 50, str(SECOND): 43}
    return endpoint.trace(**{endpoint.limit: LENGTH}, logit_bias=bias, **penalty).only.ids


@effect("presence_penalty")
def presence_penalty(endpoint: Endpoint) -> None:
    """Counts a token once, so it never makes up for a large lead."""
    _avoids_the_first_repetition(endpoint, presence_penalty=2)
    assert set(_repeats_its_favourite(endpoint, presence_penalty=2)) == {FAVOURITE}


@effect("frequency_penalty")
def frequency_penalty(endpoint: Endpoint) -> None:
    """Counts each time, so it makes up for a large lead in the end."""
    _avoids_the_first_repetition(endpoint, frequency_penalty=2)
    found = _repeats_its_favourite(endpoint, frequency_penalty=2)
    assert found[:2] == (FAVOURITE, FAVOURITE)
    assert SECOND in found


@effect("repetition_penalty")
def repetition_penalty(endpoint: Endpoint) -> None:
    """Above 1 it avoids what was said; below 1 it says it again."""
    _avoids_the_first_repetition(endpoint, repetition_penalty=3)
    found = endpoint.trace(**{endpoint.limit: LENGTH}, repetition_penalty=0.1).only.ids
    assert len(set(found)) < len(set(endpoint.greedy(LENGTH).only.ids))
