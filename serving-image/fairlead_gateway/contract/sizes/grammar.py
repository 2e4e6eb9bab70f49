"""How large the automaton of a context-free grammar is, in EBNF or Lark.

Quotes, comments and classes differ between the two, so nothing is left out of the count because it seems to
be quoted: the text is read as one expression, and every colon and bracket counts.
"""

from __future__ import annotations

from .regex import add_repetitions
from .size import LONG_TEXTS, Size

# The time of llguidance's reader of EBNF grows with the square of the text: 48 Ki characters take a second.
_CHARACTERS_PER_ROOT = 1536


def size_of_grammar(text: str) -> Size:
    """The size of a grammar."""
    size = Size(len(text), 1)
    add_grammar(size, text)
    return size


def add_grammar(size: Size, text: str) -> None:
    """Adds a grammar to the size of what it is a part of."""
    rules = text.count(":") - text.count("::")
    size.nesting += rules + text.count("(") + text.count("[")
    size.need(LONG_TEXTS, (add_repetitions(size, text) / _CHARACTERS_PER_ROOT) ** 2)
