"""Replicas by time: a schedule applies from each of its starts to the end that follows, as in KEDA."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from fairlead_operator.autoscale.settings import ReplicaSchedule


class Schedules:
    """The floor that schedules set. Cron expressions follow Debian's cron where clocks change."""

    def __init__(self, schedules: tuple[ReplicaSchedule, ...]) -> None:
        self._schedules = schedules
        self._until = float("-inf")
        self._floor = 0

    def floor(self, at: float) -> int:
        """The most replicas that any schedule requires at `at` (seconds since the epoch); 0 without one."""
        if not self._schedules:
            return 0
        # Boundaries are whole minutes, so a floor holds for the rest of the minute.
        if not self._until - 60 <= at < self._until:
            self._floor = max(s.min_replicas if is_on(s, at) else 0 for s in self._schedules)
            self._until = (at // 60 + 1) * 60
        return self._floor


def problem(schedule: ReplicaSchedule) -> str | None:
    """The error of a schedule as text; None if it is valid."""
    try:
        zone = ZoneInfo(schedule.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"there is no time zone {schedule.timezone!r}"
    for expression in (schedule.start, schedule.end):
        try:
            next(CronSim(expression, datetime.fromtimestamp(0, zone)))
        except CronSimError as error:
            return f"cron expression {expression!r}: {error}"
        except StopIteration:
            return f"cron expression {expression!r} never comes true"
    return None


def is_on(schedule: ReplicaSchedule, at: float) -> bool:
    """Whether the next boundary is an end. A schedule that cannot be read is off."""
    if problem(schedule):
        return False
    now = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(schedule.timezone))
    return next(CronSim(schedule.end, now)) < next(CronSim(schedule.start, now))
