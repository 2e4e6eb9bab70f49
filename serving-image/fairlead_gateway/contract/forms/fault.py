"""A fault of a form, and its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Steps = tuple[str | int, ...]
"""Names and positions that lead from a value to a place in it."""

UNSUPPORTED = "unsupported_value"
INVALID = "invalid_value"


@dataclass(frozen=True, slots=True)
class Fault:
    """A place in a form that the engine cannot enforce or fails on."""

    place: str
    """The path from the form's parameter to the place, such as ".properties.a.not"; "" for all of it."""
    why: str
    """Completes a sentence that begins with the path, with the remedy."""
    code: str = INVALID
    """`INVALID` for what no answer can follow, `UNSUPPORTED` for what the engine would not enforce."""

    def below(self, place: str) -> Fault:
        """The same fault in something larger."""
        return Fault(place + self.place, self.why, self.code)


def places_in(
    value: Any, parts_of: Callable[[Any], Iterable[tuple[Steps, Any]]]
) -> Iterator[tuple[Steps, Any]]:
    """The value and all parts in it with the steps to each, in the order in which they are written.

    `parts_of` gives those of one value, with the steps from there.
    """
    stack: list[tuple[Steps, Any]] = [((), value)]
    while stack:
        steps, found = stack.pop()
        yield steps, found
        stack += reversed([((*steps, *further), part) for further, part in parts_of(found)])


def path_of(steps: Iterable[str | int]) -> str:
    """Names and positions as a path: `.properties['a b'][0]`."""
    return "".join(_step(step) for step in steps)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.replace("$", "_").replace("-", "_").isidentifier() else f"[{step!r}]"
