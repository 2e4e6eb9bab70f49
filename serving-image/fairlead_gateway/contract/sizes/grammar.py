"""The size of the automaton of a context-free grammar, in EBNF or Lark.

What is quoted differs between the two, and a reader that takes something for quoted which is not would
overlook it. So the text is read as one expression, in which every colon and bracket counts. Only the parts
that may be left out are counted for each rule, and only in EBNF, where they cost the square of their
number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .regex import PARTS_SQUARED_PER_STATE, add_wide, read_expression
from .size import LONG_TEXTS, OPTIONAL_PARTS, Size

# The time of llguidance's reader of EBNF grows with the square of the text: 48 Ki characters take a second.
_CHARACTERS_PER_ROOT = 1536
# xgrammar takes a second for 80 parts of one rule that may be left out.
_PARTS_SQUARED_PER_STATE = 6
# 256 of them in rules that follow one another cost 0.2 s for each token that is generated.
_ALL_PARTS_SQUARED_PER_STATE = 64
# What is quoted may lack its end, which the engine refuses; looking for it again at each quote would take the
# square of the time.
_EBNF = re.compile(
    r"""(?P<quoted>"(?:[^"\\]++|\\.)*+"?+ | \[(?:[^\]\\]++|\\.)*+\]?+ | \#[^\n]*+)
    | (?P<rule>::=)
    | (?P<optional>[*?] | \{\ *+0*+\ *+,)""",
    re.VERBOSE | re.DOTALL,
)
# What only one of the two notations has, for vLLM too.
_IS_EBNF = "::="
_SCHEMA = "%json"


def size_of_grammar(text: str) -> Size:
    """Returns the size of a grammar in EBNF or Lark."""
    size = Size(len(text), 1)
    add_grammar(size, text)
    return size


def add_grammar(size: Size, text: str) -> None:
    """Adds a grammar to the size of what it is a part of."""
    rules = text.count(":") - text.count("::")
    size.nesting += rules + text.count("(") + text.count("[")
    whole = read_expression(text)
    size.need(LONG_TEXTS, (whole.length / _CHARACTERS_PER_ROOT) ** 2)
    add_wide(size, whole)
    if _IS_EBNF in text:
        parts = _optional_parts(text)
        size.need(OPTIONAL_PARTS, sum(number * number for number in parts) / _PARTS_SQUARED_PER_STATE)
        size.need(OPTIONAL_PARTS, sum(parts) ** 2 / _ALL_PARTS_SQUARED_PER_STATE)
    else:
        size.need(OPTIONAL_PARTS, whole.options**2 / PARTS_SQUARED_PER_STATE)


def _optional_parts(text: str) -> list[int]:
    """The number of parts that may be left out, of each rule."""
    counts = [0]
    for token in _EBNF.finditer(text):
        if token.lastgroup == "rule":
            counts.append(0)
        elif token.lastgroup == "optional":
            counts[-1] += 1
    return counts


def schemas_in(text: str) -> Iterator[Any]:
    """The JSON schemas that a Lark grammar has in it. Raises ValueError for one that is no JSON."""
    decoder, place = json.JSONDecoder(), -1 if _IS_EBNF in text else text.find(_SCHEMA)
    while place >= 0:
        start = place + len(_SCHEMA)
        start += len(text[start : start + 8]) - len(text[start : start + 8].lstrip())
        try:
            schema, end = decoder.raw_decode(text, start)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        yield schema
        place = text.find(_SCHEMA, end)
