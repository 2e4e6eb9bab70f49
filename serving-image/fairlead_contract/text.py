"""Texts and times that others have written: made safe to search in, to show and to store."""

from __future__ import annotations

import re
from datetime import datetime

# Control characters but for tab and line feed, marks that reverse the direction of text, and halves of
# surrogate pairs: they change what a terminal shows, or cannot be written as UTF-8.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str, most: int) -> str:
    """Returns the first `most` characters of a text, without unprintable ones."""
    return _UNPRINTABLE.sub("", text[:most])


def unix_seconds(text: str | None) -> int:
    """A time as the API server writes it, in Unix seconds; 0 if it is not a time with a zone since 1970."""
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return 0
    return max(0, int(time.timestamp())) if time.tzinfo else 0
