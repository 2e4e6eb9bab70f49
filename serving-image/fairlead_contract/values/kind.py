"""The interface of kinds of JSON values, and the faults that they report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Protocol

_SHOWN_CHARACTERS = 60


class Absent:
    """Stands for "there is no default", where None could be one."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()


@dataclass(frozen=True)
class ValueFault:
    """The fault of a value: a message, the path of the wrong part, and a code of OpenAI's errors."""

    message: str
    param: str
    code: str = "invalid_value"


class Kind(Protocol):
    """A set of allowed JSON values."""

    def accepts(self, value: Any) -> bool:
        """Whether the value is one of this kind."""
        ...

    def fault(self, value: Any, path: str) -> ValueFault | None:
        """The fault of a value that is not of this kind; `path` says where the value stands."""
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
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."


def must_be(kind: Kind, value: Any, path: str, code: str) -> ValueFault:
    return ValueFault(f"'{path}' must be {kind.describe()} (got {shown(value)}).", path, code)
