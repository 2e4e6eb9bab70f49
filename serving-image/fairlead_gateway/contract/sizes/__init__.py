"""The sizes of a request's values, for the bounds on them."""

from __future__ import annotations

from .form import size_of_form
from .schema import size_of_schema
from .size import Size, is_deeper

__all__ = ["Size", "is_deeper", "size_of_form", "size_of_schema"]
