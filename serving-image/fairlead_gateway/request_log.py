"""One JSON line for each request that brought something to be known by: its user, its chat, its project.

A request without labels leaves no line: metrics count it, and a line costs more than all the rest.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping

import orjson

_log = logging.getLogger("fairlead.gateway.requests")


def log_request(
    token: str, key: str, endpoint: str, status: int, seconds: float, labels: Mapping[str, str]
) -> None:
    """Writes the line of a request that is over. `key` is the name of the API key, empty without one."""
    record = {
        "event": "request",
        "request_id": f"req_{token}",
        "key": key or None,
        "endpoint": endpoint,
        "status": status,
        "seconds": round(seconds, 3),
        "labels": dict(labels),
    }
    _log.info(orjson.dumps(record).decode())


def log_requests_to_standard_output() -> None:
    """Nothing but these lines goes there."""
    _log.addHandler(logging.StreamHandler(sys.stdout))
    _log.propagate = False
