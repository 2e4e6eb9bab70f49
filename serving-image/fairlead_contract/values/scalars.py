"""Booleans, numbers, strings and words."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from .kind import ValueFault, must_be

_LARGEST = sys.float_info.max


@dataclass(frozen=True)
class Boolean:
    """true or false."""

    def accepts(self, value: Any) -> bool:
        return value is True or value is False

    def fault(self, value: Any, path: str) -> ValueFault | None:
        return None if self.accepts(value) else must_be(self, value, path, "invalid_type")

    def describe(self) -> str:
        return "a boolean"

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Number:
    """A finite number. `exclusive` takes the minimum itself out; `whose` says who set the bounds."""

    minimum: float | None = None
    maximum: float | None = None
    exclusive: bool = False
    whose: str = ""

    types: ClassVar[tuple[type, ...]] = (int, float)
    noun: ClassVar[str] = "number"

    def accepts(self, value: Any) -> bool:
        # One comparison for the usual case; the limits of floats keep infinity and NaN out.
        lower = self.minimum if self.minimum is not None else -_LARGEST
        upper = self.maximum if self.maximum is not None else _LARGEST
        return (
            type(value) in self.types and lower <= value <= upper and not (self.exclusive and value == lower)
        )

    def fault(self, value: Any, path: str) -> ValueFault | None:
        if self.accepts(value):
            return None
        code = "invalid_value" if type(value) in self.types else "invalid_type"
        return must_be(self, value, path, code)

    def describe(self) -> str:
        if self.minimum == -(2**63) and self.maximum == 2**63 - 1:
            return f"a 64-bit {self.noun}{self.whose}"
        article = "an" if self.noun == "integer" else "a"
        return f"{article} {self.noun}{self._range()}{self.whose}"

    def _range(self) -> str:
        if self.minimum is not None and self.maximum is not None and not self.exclusive:
            return f" between {_plain(self.minimum)} and {_plain(self.maximum)}"
        parts = []
        if self.minimum is not None:
            parts.append(f"{'above' if self.exclusive else 'of at least'} {_plain(self.minimum)}")
        if self.maximum is not None:
            parts.append(f"at most {_plain(self.maximum)}" if parts else f"of at most {_plain(self.maximum)}")
        return " " + " and ".join(parts) if parts else ""

    def schema(self) -> dict[str, Any]:
        lower = "exclusiveMinimum" if self.exclusive else "minimum"
        bounds = {lower: self.minimum, "maximum": self.maximum}
        return {"type": self.noun} | {name: bound for name, bound in bounds.items() if bound is not None}

    def within(self, lowest: float | None, highest: float | None) -> Number:
        """The kind within the bounds of a deployment as well; the narrower side wins."""
        lower, upper = self.minimum, self.maximum
        exclusive = self.exclusive
        if lowest is not None and (lower is None or lowest > lower):
            lower, exclusive = lowest, False
        if highest is not None and (upper is None or highest < upper):
            upper = highest
        return replace(self, minimum=lower, maximum=upper, exclusive=exclusive, whose=" for this model")


@dataclass(frozen=True)
class Integer(Number):
    """An integer; 2.0 is none, as in OpenAI's API."""

    types: ClassVar[tuple[type, ...]] = (int,)
    noun: ClassVar[str] = "integer"


@dataclass(frozen=True)
class String:
    """A string of bounded length, in characters."""

    min_length: int = 0
    max_length: int | None = None

    def accepts(self, value: Any) -> bool:
        return type(value) is str and self._bounded(value)

    def _bounded(self, value: str) -> bool:
        return len(value) >= self.min_length and (self.max_length is None or len(value) <= self.max_length)

    def fault(self, value: Any, path: str) -> ValueFault | None:
        if type(value) is not str:
            return must_be(self, value, path, "invalid_type")
        return None if self._bounded(value) else must_be(self, value, path, "invalid_value")

    def describe(self) -> str:
        if self.max_length is not None:
            return f"a string of {self.min_length} to {self.max_length} characters"
        return "a non-empty string" if self.min_length else "a string"

    def schema(self) -> dict[str, Any]:
        bounds = {"minLength": self.min_length or None, "maxLength": self.max_length}
        return {"type": "string"} | {name: bound for name, bound in bounds.items() if bound is not None}


@dataclass(frozen=True)
class Choice:
    """One word of a list."""

    words: tuple[str, ...]

    def accepts(self, value: Any) -> bool:
        return type(value) is str and value in self.words

    def fault(self, value: Any, path: str) -> ValueFault | None:
        if type(value) is not str:
            return must_be(self, value, path, "invalid_type")
        return None if value in self.words else must_be(self, value, path, "invalid_value")

    def describe(self) -> str:
        quoted = [f"'{word}'" for word in self.words]
        return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.words)}


def _plain(number: float) -> str:
    return f"{number:g}" if abs(number) < 1e6 else str(number)
