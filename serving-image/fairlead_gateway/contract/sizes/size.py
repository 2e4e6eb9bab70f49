"""The size of a value of a request, in the units in which its cost for the engine can be bounded.

The engine compiles a schema, an expression or a grammar into an automaton, in a thread that other requests
with a form wait for. `states` estimates that automaton from its source. One state is about a millisecond of
the compiler. A place where almost any character fits is worked out for the whole vocabulary, which is 0.3 ms
for 2,048 tokens and 10 to 18 ms for 131,072. The weights were measured with xgrammar 0.2.8 and llguidance
1.7.6, by tests/benchmarks/engine_stalls.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# Texts of one rule are compiled in a time that grows with the square of their length: 64 Ki characters take a
# second.
_CHARACTERS_PER_ROOT = 2048
LONG_TEXTS = "long texts"
OPTIONAL_PARTS = "parts that may be left out"


@dataclass(slots=True)
class Size:
    """Counts of everything that has a bound."""

    length: int = 0
    """Characters of all strings and names."""
    values: int = 0
    """The number of JSON values."""
    nesting: int = 0
    """Levels that a compiler may recurse into at once: rules or references, and the parts of each."""
    causes: dict[str, float] = field(default_factory=dict)
    """States by what makes them necessary, in words that complete "mostly"."""

    @property
    def states(self) -> int:
        """The estimated states of the automaton."""
        return int(sum(self.causes.values()))

    @property
    def main_cause(self) -> str:
        """The cause of most of the states."""
        return max(self.causes, key=lambda cause: self.causes[cause], default="")

    def need(self, cause: str, states: float) -> None:
        """Adds states for a cause."""
        if states:
            self.causes[cause] = self.causes.get(cause, 0) + states

    def add(self, other: Size) -> None:
        """Adds the counts of a part."""
        self.length += other.length
        self.values += other.values
        self.nesting += other.nesting
        for cause, states in other.causes.items():
            self.need(cause, states)

    def need_texts(self, *characters: int) -> None:
        """Counts the states of texts, each of which is a rule: their lengths, in characters."""
        squares = sum(length * length for length in characters)
        self.need(LONG_TEXTS, squares / _CHARACTERS_PER_ROOT**2)


def is_deeper(value: Any, levels: int) -> bool:
    """Whether objects and arrays of a JSON value are nested deeper than a number of levels."""
    level = [value] if type(value) is dict or type(value) is list else []
    for _ in range(levels):
        if not level:
            return False
        level = [
            part
            for found in level
            for part in (found.values() if type(found) is dict else found)
            if type(part) is dict or type(part) is list
        ]
    return bool(level)
