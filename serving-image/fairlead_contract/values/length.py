"""The length of the texts in a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def length_of(value: Any) -> int:
    """The characters of all strings and names in a JSON value; numbers count as eight."""
    total, stack = 0, [value]
    while stack:
        found = stack.pop()
        if isinstance(found, str):
            total += len(found)
        elif isinstance(found, Mapping):
            total += sum(map(len, found))
            stack.extend(found.values())
        elif isinstance(found, list | tuple):
            stack.extend(found)
        else:
            total += 8
    return total
