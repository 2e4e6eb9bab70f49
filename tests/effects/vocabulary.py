"""The tiny model's vocabulary: what a check needs to predict tokens."""

from __future__ import annotations

from functools import cache
from typing import Any

from e2e.models.tiny import SPECIAL_TOKENS, THINKING_TOKENS, TURN_END, TURN_START, make_tokenizer

TURN_START_ID = SPECIAL_TOKENS.index(TURN_START)
TURN_END_ID = SPECIAL_TOKENS.index(TURN_END)
"""Ends an answer: the model's end-of-sequence token."""


@cache
def tokenizer() -> Any:
    """The tiny model's tokenizer."""
    return make_tokenizer()


def ids(text: str) -> list[int]:
    """The tokens of a text, without any that begin one."""
    encoded: list[int] = tokenizer().encode(text, add_special_tokens=False).ids
    return encoded


def text(tokens: tuple[int, ...]) -> str:
    """What tokens look like in an answer."""
    decoded: str = tokenizer().decode(list(tokens))
    return decoded


def thinking_end() -> int:
    """The token that ends the model's thinking."""
    token: int = tokenizer().token_to_id(THINKING_TOKENS[1])
    return token


@cache
def no_blanks() -> dict[str, float]:
    """A logit_bias against whitespace, with which a random model would fill JSON until its tokens end."""
    size = tokenizer().get_vocab_size()
    return {str(token): -100.0 for token in range(size) if tokenizer().decode([token]).isspace()}
