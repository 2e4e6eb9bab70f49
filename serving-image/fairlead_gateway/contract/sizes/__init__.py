"""How large the values of a request are: what the bounds on them are about."""

from __future__ import annotations

from .form import size_of_form
from .schema import size_of_schema
from .size import Size, is_deeper, length_of

__all__ = ["Size", "is_deeper", "length_of", "size_of_form", "size_of_schema"]
