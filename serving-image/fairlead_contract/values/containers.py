"""Arrays, objects and alternatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .kind import Kind, ValueFault, must_be, shown
from .scalars import Number

_TOKEN_ID_DIGITS = 10


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

    def fault(self, value: Any, path: str) -> ValueFault | None:
        if type(value) is not list:
            return must_be(self, value, path, "invalid_type")
        if not self._bounded(value):
            return must_be(self, value, path, "invalid_value")
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

    def fault(self, value: Any, path: str) -> ValueFault | None:
        return None if self.accepts(value) else must_be(self, value, path, "invalid_type")

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

    def fault(self, value: Any, path: str) -> ValueFault | None:
        if type(value) is not dict:
            return must_be(self, value, path, "invalid_type")
        if len(value) > self.max_entries:
            message = f"'{path}' must have at most {self.max_entries} entries (got {len(value)})."
            return ValueFault(message, path)
        for key, number in value.items():
            if not (key.isascii() and key.isdigit() and len(key) <= _TOKEN_ID_DIGITS):
                return ValueFault(f"The keys of '{path}' must be token IDs (got {shown(key)}).", path)
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
            "propertyNames": {"pattern": f"^[0-9]{{1,{_TOKEN_ID_DIGITS}}}$"},
            "maxProperties": self.max_entries,
        }


@dataclass(frozen=True)
class AnyOf:
    """A value of one of some kinds that differ in JSON type."""

    kinds: tuple[Kind, ...]

    def accepts(self, value: Any) -> bool:
        return any(kind.accepts(value) for kind in self.kinds)

    def fault(self, value: Any, path: str) -> ValueFault | None:
        faults = [kind.fault(value, path) for kind in self.kinds]
        if not all(faults):
            return None
        # The kind of the right JSON type knows best what is wrong with the value.
        typed = (fault for fault in faults if fault and (fault.code != "invalid_type" or fault.param != path))
        return next(typed, None) or must_be(self, value, path, "invalid_type")

    def describe(self) -> str:
        return " or ".join(kind.describe() for kind in self.kinds)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [kind.schema() for kind in self.kinds]}
