"""The size of the automaton of a JSON schema, in one pass over its values.

Schemas are in many places (response formats, tools, structural tags), so every object counts as if it were
one: a keyword costs the same everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from fairlead_contract.values import length_of

from .grammar import add_grammar
from .regex import MAX_SHARED, add_regex
from .size import Size

# Keywords that let an object have further names, which differ from each known one at some character of it.
_FURTHER_NAMES = ("additionalProperties", "patternProperties", "propertyNames", "unevaluatedProperties")
# What holds a whole schema, to whose root references in it are relative.
_ROOTS = frozenset({"schema", "json_schema", "parameters"})
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# Formats that compile to more than the others.
_FORMAT_STATES: Mapping[str, int] = {
    "uri-template": 16,
    "duration": 6,
    "ipv6": 4,
    "date-time": 3,
    "email": 2,
    "uri": 2,
    "uri-reference": 2,
}
# Each property that is not required may be followed by every later one: 1,000 of them take xgrammar a second.
_PROPERTIES_SQUARED_PER_STATE = 1000
# Their square times the most that there may be of them, where these are counted: 80 take it a second.
_COUNTED_PROPERTIES_PER_STATE = 500
_LENGTH_BOUNDS = "minLength and maxLength"
_NAMES = "names of properties beside additionalProperties"
_OPTIONAL = "properties that are not required"
_COUNTED = "minProperties and maxProperties"
_FORMATS = "formats"


def size_of_schema(document: Any, most_values: int | None = None) -> Size:
    """The size of a JSON value that is a schema or contains some.

    With more than `most_values` values it is not measured to its end: only their number is of use then.
    """
    meter = _Meter(document)
    if meter.walk(most_values):
        meter.count_references()
    return meter.size


class _Meter:
    def __init__(self, document: Any) -> None:
        self.size = Size()
        self._document = document
        self._walked: list[Any] = []
        self._bounds: set[tuple[Any, ...]] = set()
        self._patterns: set[str] = set()
        self._references: dict[tuple[int, str], Any] = {}
        self._has_other_bases = False

    def walk(self, most_values: int | None) -> bool:
        """Counts the document and all that is in it; whether it came to the end."""
        stack, size = [(self._document, self._document)], self.size
        while stack:
            value, root = stack.pop()
            size.values += 1
            if most_values is not None and size.values > most_values:
                return False
            kind = type(value)
            if kind is str:
                size.length += len(value)
            elif kind is dict:
                self._walked.append(value)
                size.length += sum(map(len, value))
                self._look_at(value, root)
                stack.extend((part, part if name in _ROOTS else root) for name, part in value.items())
            elif kind is list:
                self._walked.append(value)
                stack.extend((part, root) for part in value)
        return True

    def _look_at(self, schema: dict[str, Any], root: Any) -> None:
        if "properties" in schema:
            self._count_properties(schema)
        for word in ("enum", "const"):
            if word in schema:
                self.size.need_texts(length_of(schema[word]))
        if "minLength" in schema or "maxLength" in schema:
            self._count_lengths(schema.get("minLength"), schema.get("maxLength"))
        if type(schema.get("format")) is str:
            self.size.need(_FORMATS, _FORMAT_STATES.get(schema["format"], 1))
        self._look_at_patterns(schema)
        self._has_other_bases |= "$id" in schema
        for word in _REFERENCES:
            reference = schema.get(word)
            if type(reference) is str:
                self._references[id(root), reference] = root

    def _look_at_patterns(self, schema: dict[str, Any]) -> None:
        if type(schema.get("pattern")) is str:
            self._count_pattern(schema["pattern"])
        patterns = schema.get("patternProperties")
        for name in patterns if type(patterns) is dict else ():
            self._count_pattern(name)
        # Structural tags have grammars beside schemas.
        if type(schema.get("grammar")) is str:
            add_grammar(self.size, schema["grammar"])

    def _count_properties(self, schema: dict[str, Any]) -> None:
        properties = schema["properties"]
        if type(properties) is not dict:
            return
        required = schema.get("required")
        known = {name for name in required if type(name) is str} if type(required) is list else set()
        optional = len(properties.keys() - known)
        self.size.need(_OPTIONAL, optional**2 / _PROPERTIES_SQUARED_PER_STATE)
        if "minProperties" in schema or "maxProperties" in schema:
            most = schema.get("maxProperties")
            counted = min(most, optional) if type(most) is int and most >= 0 else optional
            self.size.need(_COUNTED, optional**2 * counted / _COUNTED_PROPERTIES_PER_STATE)
        lengths = list(map(len, properties))
        self.size.need_texts(*lengths)
        if any(schema.get(word) not in (None, False) for word in _FURTHER_NAMES):
            self.size.need(_NAMES, sum(lengths))

    def _count_lengths(self, *bounds: Any) -> None:
        numbers = tuple(bound if type(bound) in (int, float) else 0 for bound in bounds)
        # Equal ones are compiled once.
        if numbers not in self._bounds:
            self._bounds.add(numbers)
            self.size.need(_LENGTH_BOUNDS, min(max(0, *numbers), MAX_SHARED))

    def _count_pattern(self, pattern: str) -> None:
        if pattern not in self._patterns:
            self._patterns.add(pattern)
            add_regex(self.size, pattern)

    def count_references(self) -> None:
        """Counts the levels below all that is referenced: one chain of references may lead through all."""
        if not self._references:
            return
        heights = self._heights()
        highest = heights[id(self._document)]
        for (_, reference), root in self._references.items():
            target = None if self._has_other_bases else _find(root, reference)
            self.size.nesting += 1 + heights.get(id(target), highest)

    def _heights(self) -> dict[int, int]:
        """The levels of each object and array, by its identity. Parents were walked before their parts."""
        heights: dict[int, int] = {}
        for value in reversed(self._walked):
            parts = value.values() if type(value) is dict else value
            heights[id(value)] = 1 + max((heights.get(id(part), 0) for part in parts), default=0)
        return heights


def _find(document: Any, reference: str) -> Any:
    """Returns the value that a reference within the document leads to; None if there is no such place."""
    found = document
    for step in unquote(reference.removeprefix("#")).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if type(found) is dict:
            found = found.get(name)
        elif type(found) is list and name.isascii() and name.isdigit() and len(name) < 9:
            found = found[int(name)] if int(name) < len(found) else None
        else:
            return None
    return found
