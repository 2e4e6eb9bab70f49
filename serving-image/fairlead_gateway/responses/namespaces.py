"""Names of functions in a namespace, which only the Responses API has.

For the engine the namespace is the beginning of the function's name, in prompts, calls and histories alike.
"""

from __future__ import annotations

from typing import NamedTuple

_BETWEEN = "__"


class NamespacedName(NamedTuple):
    """A function's name as the client knows it."""

    namespace: str
    name: str


def flat_name(namespace: str, name: str) -> str:
    """The engine's name of a function in a namespace."""
    return f"{namespace.removesuffix(_BETWEEN)}{_BETWEEN}{name}"
