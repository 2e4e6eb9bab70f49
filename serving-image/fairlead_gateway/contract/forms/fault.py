"""A fault of a form, and its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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


def path_of(steps: Iterable[str | int]) -> str:
    """Names and positions as a path: `.properties['a b'][0]`."""
    return "".join(_step(step) for step in steps)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.replace("$", "_").replace("-", "_").isidentifier() else f"[{step!r}]"
