"""One JSON line for a request that failed, was slow, or brought something to be known by (its user, its chat,
its project); for each request if the setting says so.

A plain request leaves no line: metrics count it, and a line costs more than all the rest. Lines about
failures are bounded in rate, so that a client cannot fill the log. The next line says how many were left out.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import orjson

from fairlead_contract.defaults import SLOW_REQUEST_SECONDS
from fairlead_contract.gateway_settings import RequestLogMode
from fairlead_contract.log_format import common_fields

from .bounds import (
    FAILED_LINES_BURST,
    FAILED_LINES_PER_SECOND,
    REFUSED_LINES_BURST,
    REFUSED_LINES_PER_SECOND,
)
from .request_facts import RequestFacts

_log = logging.getLogger("fairlead.gateway.requests")


class LineBudget:
    """A token bucket for lines of one kind. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float], burst: int, per_second: float) -> None:
        self._clock, self._seconds = clock, 1 / per_second
        self._slack = (burst - 1) * self._seconds
        self._full_at = clock()
        self.suppressed = 0

    def take(self) -> bool:
        """Whether one more line may be written now."""
        now = self._clock()
        if self._full_at - now > self._slack:
            self.suppressed += 1
            return False
        self._full_at = max(now, self._full_at) + self._seconds
        return True

    def take_suppressed(self) -> int:
        """How many lines were left out since the last call."""
        count, self.suppressed = self.suppressed, 0
        return count


class RequestLog:
    """The request log of a gateway or a router. `namespace` and `model` are in lines that have none."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._failed = LineBudget(clock, FAILED_LINES_BURST, FAILED_LINES_PER_SECOND)
        self._refused = LineBudget(clock, REFUSED_LINES_BURST, REFUSED_LINES_PER_SECOND)
        self.configure("Failed", SLOW_REQUEST_SECONDS)

    def configure(self, mode: RequestLogMode, slow_seconds: float) -> None:
        """Puts the settings into effect."""
        self._mode, self._slow_seconds = mode, slow_seconds
        # What a request must take to be worth a closer look. One comparison is all that a plain one costs.
        self.threshold = {"All": -1.0, "Failed": slow_seconds, "None": float("inf")}[mode]

    def add(self, facts: RequestFacts) -> None:
        """Writes the line of a request that is over, if it is to have one."""
        level, suppressed = self._level(facts)
        if not level or not _log.isEnabledFor(level):
            return
        name = logging.getLevelName(level)
        line = common_fields(time.time(), name, _log.name, "request") | _fields(facts)
        if suppressed:
            line["suppressed"] = suppressed
        text = orjson.dumps(line).decode()
        # `info` would look for its caller in the stack, which the line does not name and which takes time.
        _log.handle(logging.LogRecord(_log.name, level, __file__, 0, text, None, None))

    def _level(self, facts: RequestFacts) -> tuple[int, int]:
        """The level of a request's line, 0 for none; and how many lines like it were left out before it."""
        failed, slow = facts.status >= 500, facts.waited > self._slow_seconds
        level = logging.ERROR if failed else logging.WARNING if slow else logging.INFO
        if self._mode == "All" or facts.labels:
            return level, 0
        if self._mode == "None" or not (failed or slow or facts.status >= 400):
            return 0, 0
        budget = self._failed if failed or slow else self._refused
        return (level, budget.take_suppressed()) if budget.take() else (0, 0)


def _fields(facts: RequestFacts) -> dict[str, Any]:
    """What the line has of the facts. Unknown values are left out."""
    values = {
        "event": "request",
        "request_id": facts.request_id,
        "trace_id": facts.trace_id,
        "namespace": facts.namespace,
        "model": facts.model,
        "requested_model": facts.requested_model,
        "endpoint": facts.endpoint,
        "status": facts.status,
        "code": facts.code,
        "seconds": round(facts.seconds, 3),
        "first_token_seconds": _rounded(facts.first_token_seconds),
        "held_seconds": _rounded(facts.held_seconds),
        "input_tokens": facts.input_tokens,
        "output_tokens": facts.output_tokens,
        "key": facts.key,
        "pod": facts.pod,
        "retries": facts.retries or None,
        "labels": dict(facts.labels) or None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def log_requests_to_standard_output() -> None:
    """Nothing but these lines goes there."""
    _log.addHandler(logging.StreamHandler(sys.stdout))
    _log.propagate = False
