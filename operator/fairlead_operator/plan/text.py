"""Makes text from other writers safe to search, to show and to store."""

from __future__ import annotations

from fairlead_contract.text import printable
from fairlead_operator.bounds import TEXT_CHARACTERS


def clean(text: object, most: int = TEXT_CHARACTERS) -> str:
    """At most so many characters of a text, without unprintable ones; "" if it is no text."""
    return printable(text, most) if isinstance(text, str) else ""
