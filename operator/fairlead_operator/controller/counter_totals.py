"""Adds up counters of processes that start, stop and restart, so that the sums never fall.

A counter belongs to one run of a process, identified by its boot id. Counts from before the first reading are
left out: a new operator must not take the past of a long-running router for a burst. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from fairlead_operator.autoscale.statistics import rise


class CounterTotals:
    """Sums by name over all sources."""

    def __init__(self) -> None:
        self.totals: dict[str, float] = defaultdict(float)
        self._last: dict[str, tuple[str, dict[str, float]]] = {}

    def add(self, source: str, boot: str, counters: Mapping[str, float], *, counts: bool = True) -> None:
        """Adds the present counters of a source. A counter that is absent keeps its value. An increase while
        the source does not count is never added later.
        """
        known, before = self._last.get(source, (None, {}))
        for name, value in counters.items() if counts else ():
            if known == boot and name in before:
                # The engine behind a gateway may restart while the gateway does not.
                self.totals[name] += rise(before[name], value)
            elif known is not None and known != boot:
                self.totals[name] += value
            else:
                self.totals[name] += 0.0
        kept = before if known == boot else {}
        self._last[source] = boot, {**kept, **counters}

    def keep(self, sources: Iterable[str]) -> None:
        """Forgets all other sources; what they counted stays in the sums."""
        present = set(sources)
        self._last = {source: last for source, last in self._last.items() if source in present}
