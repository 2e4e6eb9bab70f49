"""Names that come close to one that does not exist, at a bounded cost.

Clients choose the text, and tenants the number of names. So neither the whole list nor a whole text is
compared: only the neighbours in two sorted lists, by their beginning and by their end, and a bounded number
of characters of each. That finds names with a typo in one half.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import islice

# Names that are found at all, the first ones by namespace; the index is made again after a change of names.
MAX_INDEXED_NAMES = 1024
# Characters of a text that are compared. Names of models are rarely longer.
MAX_COMPARED_CHARACTERS = 64
# Neighbours on each side in each list. With 32 texts of 64 characters a search takes less than 1 ms.
_NEIGHBOURS = 8
# As in difflib.get_close_matches.
_ALIKE = 0.6


class Nearest:
    """An index of names."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(islice(names, MAX_INDEXED_NAMES))
        folded = [(name.casefold(), name) for name in self._names]
        self._forward = sorted(folded)
        self._backward = sorted((text[::-1], name) for text, name in folded)

    def find(self, text: str, count: int) -> list[str]:
        """The names that are most like the text; the first ones if none is."""
        beginning, end = text[:MAX_COMPARED_CHARACTERS].casefold(), text[-MAX_COMPARED_CHARACTERS:].casefold()
        matcher = SequenceMatcher(None, "", beginning, autojunk=False)
        alike: dict[str, float] = {}
        for name in {*_around(self._forward, beginning), *_around(self._backward, end[::-1])}:
            matcher.set_seq1(name[:MAX_COMPARED_CHARACTERS].casefold())
            # The multiset of letters: linear, where the exact ratio is quadratic.
            alike[name] = matcher.quick_ratio()
        best = sorted(
            (name for name in alike if alike[name] >= _ALIKE), key=lambda name: (-alike[name], name)
        )
        return best[:count] or self._names[:count]


def _around(names: list[tuple[str, str]], text: str) -> Iterable[str]:
    place = bisect_left(names, (text, ""))
    return (name for _, name in names[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS])
