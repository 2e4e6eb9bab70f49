"""The size of the automaton of a regular expression, in one pass over its characters.

An expression that is none is measured too: whether it is one is decided by the engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .size import OPTIONAL_PARTS, Size

# Compilers share the states of a repetition above about this number.
MAX_SHARED = 128
# Text of this length is beyond the default bound whatever is in it, so it is not read.
MAX_READ_CHARACTERS = 65_536
# Numbers beyond this one are equally far out of every bound.
_HUGE = 1 << 40
_DIGITS = 12
# A range of more characters than ASCII has digits and letters fits most of what a token may hold.
_NARROW_RANGE = 62
# One match is a run of plain characters, an escape, a class, or a part of the syntax. Lark repeats by `~`,
# also what stands between slashes.
_CLASS = r"(?P<class>\[\^?+\]?+ (?:[^\]\\]++|\\.)*+ \]) |"
_WITHOUT_CLASS = r"""(?P<plain>[^\\\[(){}*+?|.~]+ (?![*+?{~]))
    | (?P<escape>\\.)
    | (?P<open>\(\??)
    | (?P<times>[*+?]
        | \{\ *+ (?P<least>[0-9]*+) \ *+ (?P<comma>,?) \ *+ (?P<most>[0-9]*+) \ *+\}
        | /?+ ~\ *+ (?P<from>[0-9]++) (?:\.\. (?P<to>[0-9]++))?)
    | (?P<other>.)"""
_TOKEN = re.compile(_CLASS + _WITHOUT_CLASS, re.VERBOSE | re.DOTALL)
_TOKEN_WITHOUT_CLASS = re.compile(_WITHOUT_CLASS, re.VERBOSE | re.DOTALL)
_RANGE = re.compile(r"([^\\])-([^\\\]])", re.DOTALL)
_ANYTHING = ("\\S", "\\D", "\\W", "\\P", "[^")
# Where the number of such characters varies, many tokens have to be tried each time one is generated.
_VARIABLE = 8
_ANY = "places where almost any character fits"
# A part that may be left out lets every later one follow the one before it. Where almost any character fits,
# each of these pairs is worked out for the whole vocabulary.
PARTS_SQUARED_PER_STATE = 32
_WIDE_SQUARED_PER_STATE = 2


@dataclass(slots=True)
class RegexPart:
    """The counts of a part of an expression: an atom, a group or the whole."""

    length: int = 0
    """Characters when all repetitions are written out."""
    wide: int = 0
    """Places where almost any character fits."""
    options: int = 0
    """Parts that may be left out."""
    wide_options: int = 0
    """Those of them in which almost any character fits."""

    def add(self, other: RegexPart) -> None:
        self.length += other.length
        self.wide += other.wide
        self.options += other.options
        self.wide_options += other.wide_options

    def repeat(self, least: int, most: int) -> None:
        """Writes the part out as often as it may occur. The states of a group are shared by its copies."""
        copies = max(1, most)
        if self.wide:
            counted = min(copies, MAX_SHARED)
            self.wide = counted if self.length == 1 else self.wide + counted - 1
            self.wide += _VARIABLE if least != most and copies > 1 else 0
        if least == 0:
            self.options += 1
            self.wide_options += self.wide > 0
        self.length = min(_HUGE, self.length * copies)


def size_of_regex(pattern: str) -> Size:
    """Returns the size of an expression."""
    size = Size(len(pattern), 1)
    add_regex(size, pattern)
    return size


def add_regex(size: Size, pattern: str) -> None:
    """Adds the states of an expression to the size of what it is a part of."""
    whole = read_expression(pattern)
    size.need_texts(whole.length)
    size.need(OPTIONAL_PARTS, whole.options**2 / PARTS_SQUARED_PER_STATE)
    add_wide(size, whole)


def add_wide(size: Size, part: RegexPart) -> None:
    """Adds the states of places where almost any character fits."""
    size.need(_ANY, part.wide + part.wide_options**2 // _WIDE_SQUARED_PER_STATE)


def read_expression(pattern: str) -> RegexPart:
    """Returns the counts of an expression. Of one above MAX_READ_CHARACTERS only its length is counted."""
    if len(pattern) > MAX_READ_CHARACTERS:
        return RegexPart(len(pattern))
    # The last part of each open group is kept apart: a quantifier may follow it.
    groups = [(RegexPart(), RegexPart())]
    for token in _tokens(pattern):
        kind, text = token.lastgroup, token[0]
        whole, last = groups[-1]
        if token["times"] is not None:
            last.repeat(*_times(token))
            continue
        whole.add(last)
        if kind == "open":
            groups[-1] = whole, RegexPart()
            groups.append((RegexPart(), RegexPart()))
        elif text == ")" and len(groups) > 1:
            groups.pop()
            groups[-1] = groups[-1][0], whole
        else:
            groups[-1] = whole, _atom(kind, text)
    closed = RegexPart()
    for whole, last in groups:
        closed.add(whole)
        closed.add(last)
    return closed


def _tokens(pattern: str) -> Iterator[re.Match[str]]:
    syntax, place = _TOKEN, 0
    while token := syntax.match(pattern, place):
        if token[0] == "[":
            # Without an end; looking for one again at each bracket would take the square of the time.
            syntax = _TOKEN_WITHOUT_CLASS
        yield token
        place = token.end()


def _times(token: re.Match[str]) -> tuple[int, int]:
    """Returns how often a part occurs at least, and how many copies of it a compiler makes."""
    if token["from"] is not None:
        return _number(token["from"]), _number(token["to"] or token["from"])
    if token["least"] is None:
        return int(token[0] == "+"), 1
    least = _number(token["least"])
    return least, _number(token["most"]) if token["most"] else least + bool(token["comma"])


def _number(digits: str) -> int:
    """A number of any length, as far as its size matters."""
    return int(digits.lstrip("0")[:_DIGITS] or "0")


def _atom(kind: str | None, text: str) -> RegexPart:
    if kind == "class":
        return RegexPart(1, int(_is_wide(text)))
    if kind == "escape":
        return RegexPart(1, int(text in _ANYTHING))
    return RegexPart(len(text), int(text == "."))


def _is_wide(text: str) -> bool:
    if len(text) > _NARROW_RANGE or any(word in text for word in _ANYTHING):
        return True
    return any(ord(last) - ord(first) > _NARROW_RANGE for first, last in _RANGE.findall(text))
