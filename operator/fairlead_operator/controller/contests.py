"""Remembers which fields of children were set back, and finds those that another writer sets repeatedly."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead_operator.bounds import (
    CONTEST_PAUSE_SECONDS,
    CONTEST_REPAIRS,
    CONTEST_WINDOW_SECONDS,
    CONTESTED_FIELDS,
)
from fairlead_operator.controller.child_index import Key
from fairlead_operator.plan.observed import Contest, Field
from fairlead_operator.recent import remember

_WINDOW = timedelta(seconds=CONTEST_WINDOW_SECONDS)
_PAUSE = timedelta(seconds=CONTEST_PAUSE_SECONDS)


@dataclass(frozen=True)
class _Repairs:
    """When a field was set back, who had changed it last, and until when it is left alone if contested."""

    times: tuple[datetime, ...] = ()
    writer: str = ""
    until: datetime | None = None


class Contests:
    """The contests of all models, in memory: a new operator finds one again within a few repairs."""

    def __init__(self) -> None:
        self._repairs: dict[Key, dict[Field, _Repairs]] = {}

    def of(self, key: Key, now: datetime) -> tuple[Contest, ...]:
        """The contested fields of a model's children."""
        return tuple(
            Contest(field, repairs.writer, max(0.0, (repairs.until - now).total_seconds()))
            for field, repairs in self._repairs.get(key, {}).items()
            if repairs.until
        )

    def repaired(self, key: Key, writers: Mapping[Field, str], now: datetime) -> None:
        """Records the fields that were set back now. `writers` are those that had changed them, "" if
        unknown."""
        for field, writer in writers.items():
            before = self._repairs.get(key, {}).get(field, _Repairs())
            times = (*(time for time in before.times if now - time < _WINDOW), now)[-CONTEST_REPAIRS:]
            contested = before.until is not None or len(times) == CONTEST_REPAIRS
            repairs = _Repairs(times, writer or before.writer, now + _PAUSE if contested else None)
            remember(self._repairs.setdefault(key, {}), field, repairs, CONTESTED_FIELDS)
        self._forget(key, writers.keys(), now)

    def drop(self, key: Key) -> None:
        """Removes a deleted model."""
        self._repairs.pop(key, None)

    def _forget(self, key: Key, repaired: Collection[Field], now: datetime) -> None:
        """A contest ends when the field kept the wanted value after its pause."""
        kept = {
            field: repairs
            for field, repairs in self._repairs.pop(key, {}).items()
            if field in repaired or (repairs.until or repairs.times[-1] + _WINDOW) > now
        }
        if kept:
            self._repairs[key] = kept
