"""Bounded memories that forget their oldest entries, whatever keys other programs choose."""

from __future__ import annotations

from typing import TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")


def remember(memory: dict[_K, _V], key: _K, value: _V, most: int) -> None:
    """Keeps a value as the newest one, and forgets the oldest beyond `most`."""
    memory.pop(key, None)
    memory[key] = value
    while len(memory) > most:
        del memory[next(iter(memory))]
