"""The priority classes of API keys: which requests go first when there is not room for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PriorityClasses:
    """`names`, the highest first; `default` is the class of keys that name none."""

    names: tuple[str, ...] = ("interactive", "standard", "batch")
    default: str = "standard"

    @classmethod
    def read(cls, names: Sequence[str], default: str) -> PriorityClasses:
        """Raises ValueError that names what is wrong."""
        if not names or len(set(names)) != len(names):
            raise ValueError("the priority classes must be at least one name, each once")
        if default not in names:
            raise ValueError(f"the default priority class {default!r} is none of {', '.join(names)}")
        return cls(tuple(names), default)

    def rank(self, name: str) -> int:
        """The place of a class, 0 for the highest. Raises ValueError with the known ones."""
        if name not in self.names:
            raise ValueError(f"has an unknown priorityClass; the classes are {', '.join(self.names)}")
        return self.names.index(name)
