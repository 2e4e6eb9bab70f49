"""How long to wait before the next try. Seconds throughout."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from .bounds import MAX_PAUSE_SECONDS

FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0


def next_wait(
    attempt: int, retry_after: float | None, idle: float, patience: float, jitter: float
) -> float | None:
    """Time until the next try, or None to give up.

    `attempt` counts failures since the last new byte, from 1; `idle` is the time since then. A server's
    `retry_after` is kept as long as it fits into the patience. `jitter` in [0, 1) keeps replicas that failed
    together from retrying together.
    """
    own = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempt - 1, 10)) * (0.5 + jitter / 2)
    wait = own if retry_after is None else retry_after + jitter
    return wait if idle + wait <= patience else None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds of `Retry-After`: a number or a date (RFC 9110, 10.2.3); None if it makes no sense.

    `headers` has lower-case names; `now` is Unix time.
    """
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        # Dates without a zone are UTC by the standard.
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    return min(max(0.0, seconds), MAX_PAUSE_SECONDS) if math.isfinite(seconds) else None
