"""How large the values of a request are: what the bounds on them are about."""

from __future__ import annotations

from .grammar import size_of_grammar
from .regex import size_of_regex
from .schema import size_of_schema
from .size import Size, is_deeper, length_of, size_of_choices

__all__ = [
    "Size",
    "is_deeper",
    "length_of",
    "size_of_choices",
    "size_of_grammar",
    "size_of_regex",
    "size_of_schema",
]
