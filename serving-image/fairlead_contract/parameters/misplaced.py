"""A parameter in a request of the API that does not have it.

Clients that move from one API to the other bring their parameters along. Left out like an unknown one, such a
parameter would change the meaning of the answer under a 200. So it is a 400 with a remedy if its value asks
for something. Values that ask for nothing are left out, and so are hints that change no answer's meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LOGPROBS = "message.output_text.logprobs"
"""The item of `include` in the Responses API that stands for `logprobs` of chat completions."""


def _anything(_: Any) -> bool:
    return True


@dataclass(frozen=True)
class Misplaced:
    """How an API answers a request with a parameter of the other API."""

    remedy: str
    """The end of the error message: what to send instead."""
    asks: Callable[[Any], bool] = _anything
    """Whether a value asks for something that the answer would lack. Gets any JSON value but null."""


HINT = Misplaced("", lambda _: False)
"""Of a parameter without which an answer is still an answer to the request: always left out."""


def but(neutral: Any) -> Callable[[Any], bool]:
    """Accepts all values but this one, which is what happens without the parameter."""
    return lambda value: type(value) is not type(neutral) or value != neutral


def is_form(value: Any) -> bool:
    """Whether a value is another format than plain text, which is what there is without one."""
    return type(value) is not dict or value.get("type", "text") != "text"


def has_form(value: Any) -> bool:
    """Whether a value of `text` has a format other than plain text."""
    return type(value) is dict and value.get("format") is not None and is_form(value["format"])
