"""Kinds of JSON values: how a parameter's value is checked, described and exported.

`accepts` runs for every parameter of every request, so it only answers yes or no; `fault` runs once the
answer was no and finds the place and the words. JSON's own types count: a string is never taken for a number
and a boolean never for an integer, because a silent conversion hides the caller's mistake.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Protocol

import orjson

from .errors import ApiError, invalid

_SHOWN_CHARACTERS = 60
_LARGEST = sys.float_info.max


class Absent:
    """Stands for "there is no default", where None could be one."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()


@dataclass(frozen=True)
class Limit:
    """Bounds that a deployment sets on a numeric parameter; None leaves that side open."""

    minimum: float | None = None
    maximum: float | None = None


class Kind(Protocol):
    """What a JSON value may be."""

    def accepts(self, value: Any) -> bool:
        """Whether the value is one of this kind."""
        ...

    def fault(self, value: Any, path: str) -> ApiError | None:
        """The 400 for a value that is not of this kind; `path` says where the value stands."""
        ...

    def describe(self) -> str:
        """The kind in words that complete "must be"."""
        ...

    def schema(self) -> dict[str, Any]:
        """The kind as the part of a JSON Schema that other programs check against."""
        ...


def shown(value: Any) -> str:
    """A value as an error message repeats it: short JSON."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    text = orjson.dumps(value).decode()
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."


def _must_be(kind: Kind, value: Any, path: str, code: str) -> ApiError:
    return invalid(f"'{path}' must be {kind.describe()} (got {shown(value)}).", path, code)


def _plain(number: float) -> str:
    return f"{number:g}" if abs(number) < 1e6 else str(number)


@dataclass(frozen=True)
class Boolean:
    """true or false."""

    def accepts(self, value: Any) -> bool:
        return value is True or value is False

    def fault(self, value: Any, path: str) -> ApiError | None:
        return None if self.accepts(value) else _must_be(self, value, path, "invalid_type")

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

    def fault(self, value: Any, path: str) -> ApiError | None:
        if self.accepts(value):
            return None
        code = "invalid_value" if type(value) in self.types else "invalid_type"
        return _must_be(self, value, path, code)

    def describe(self) -> str:
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

    def limited(self, limit: Limit) -> Number:
        """The kind within the bounds of a deployment as well; the narrower side wins."""
        lower, upper = self.minimum, self.maximum
        exclusive = self.exclusive
        if limit.minimum is not None and (lower is None or limit.minimum > lower):
            lower, exclusive = limit.minimum, False
        if limit.maximum is not None and (upper is None or limit.maximum < upper):
            upper = limit.maximum
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

    def fault(self, value: Any, path: str) -> ApiError | None:
        if type(value) is not str:
            return _must_be(self, value, path, "invalid_type")
        return None if self._bounded(value) else _must_be(self, value, path, "invalid_value")

    def describe(self) -> str:
        if self.max_length is not None:
            return f"a string of {self.min_length} to {self.max_length} characters"
        return "a non-empty string" if self.min_length else "a string"

    def schema(self) -> dict[str, Any]:
        bounds = {"minLength": self.min_length or None, "maxLength": self.max_length}
        return {"type": "string"} | {name: bound for name, bound in bounds.items() if bound is not None}


@dataclass(frozen=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]

    def accepts(self, value: Any) -> bool:
        return type(value) is str and value in self.words

    def fault(self, value: Any, path: str) -> ApiError | None:
        if type(value) is not str:
            return _must_be(self, value, path, "invalid_type")
        return None if value in self.words else _must_be(self, value, path, "invalid_value")

    def describe(self) -> str:
        quoted = [f"'{word}'" for word in self.words]
        return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.words)}


@dataclass(frozen=True)
class Array:
    """An array of bounded size; `items` None leaves the items to a rule."""

    items: Kind | None = None
    min_items: int = 0
    max_items: int | None = None

    def accepts(self, value: Any) -> bool:
        return (
            type(value) is list
            and self._bounded(value)
            and (self.items is None or all(map(self.items.accepts, value)))
        )

    def _bounded(self, value: list[Any]) -> bool:
        return len(value) >= self.min_items and (self.max_items is None or len(value) <= self.max_items)

    def fault(self, value: Any, path: str) -> ApiError | None:
        if type(value) is not list:
            return _must_be(self, value, path, "invalid_type")
        if not self._bounded(value):
            return _must_be(self, value, path, "invalid_value")
        faults = (self.items.fault(v, f"{path}[{i}]") for i, v in enumerate(value)) if self.items else ()
        return next((fault for fault in faults if fault), None)

    def describe(self) -> str:
        noun = "an array" if self.min_items != 1 or self.max_items is not None else "a non-empty array"
        size = ""
        if self.max_items is not None:
            size = f" of {self.min_items} to {self.max_items} items"
        return f"{noun}{size}" + (f", each {self.items.describe()}" if self.items else "")

    def schema(self) -> dict[str, Any]:
        bounds = {"minItems": self.min_items or None, "maxItems": self.max_items}
        found = {"type": "array"} | {name: bound for name, bound in bounds.items() if bound is not None}
        return found | ({"items": self.items.schema()} if self.items else {})


@dataclass(frozen=True)
class Object:
    """A JSON object, its content left to a rule or to the engine."""

    def accepts(self, value: Any) -> bool:
        return type(value) is dict

    def fault(self, value: Any, path: str) -> ApiError | None:
        return None if self.accepts(value) else _must_be(self, value, path, "invalid_type")

    def describe(self) -> str:
        return "an object"

    def schema(self) -> dict[str, Any]:
        return {"type": "object"}


@dataclass(frozen=True)
class TokenMap:
    """An object from token IDs, written as strings, to numbers."""

    values: Number
    max_entries: int

    def accepts(self, value: Any) -> bool:
        return self.fault(value, "") is None

    def fault(self, value: Any, path: str) -> ApiError | None:
        if type(value) is not dict:
            return _must_be(self, value, path, "invalid_type")
        if len(value) > self.max_entries:
            message = f"'{path}' must have at most {self.max_entries} entries (got {len(value)})."
            return invalid(message, path)
        for key, number in value.items():
            if not (key.isascii() and key.isdigit()):
                return invalid(f"The keys of '{path}' must be token IDs (got {shown(key)}).", path)
            fault = self.values.fault(number, f"{path}.{key}")
            if fault:
                return fault
        return None

    def describe(self) -> str:
        return f"an object from token IDs to values, each {self.values.describe()}"

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "additionalProperties": self.values.schema(),
            "propertyNames": {"pattern": "^[0-9]+$"},
            "maxProperties": self.max_entries,
        }


@dataclass(frozen=True)
class AnyOf:
    """A value of one of some kinds that differ in JSON type."""

    kinds: tuple[Kind, ...]

    def accepts(self, value: Any) -> bool:
        return any(kind.accepts(value) for kind in self.kinds)

    def fault(self, value: Any, path: str) -> ApiError | None:
        faults = [kind.fault(value, path) for kind in self.kinds]
        if not all(faults):
            return None
        # The kind of the right JSON type knows best what is wrong with the value.
        typed = (fault for fault in faults if fault and (fault.code != "invalid_type" or fault.param != path))
        return next(typed, None) or _must_be(self, value, path, "invalid_type")

    def describe(self) -> str:
        return " or ".join(kind.describe() for kind in self.kinds)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [kind.schema() for kind in self.kinds]}


def check(kind: Kind, value: Any, path: str) -> None:
    """Raises the 400 for a value that is not of the kind."""
    if not kind.accepts(value):
        fault = kind.fault(value, path)
        if fault:
            raise fault
