"""One JSON line for each request that brought something to be known by: its user, its chat, its project.

A request without labels leaves no line: metrics count it, and a line costs more than all the rest.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping

import orjson

from fairlead_contract.log_format import common_fields

_log = logging.getLogger("fairlead.gateway.requests")


def log_request(
    token: str, key: str, endpoint: str, status: int, seconds: float, labels: Mapping[str, str]
) -> None:
    """Writes the line of a request that is over. `key` is the name of the API key, empty without one."""
    if not _log.isEnabledFor(logging.INFO):
        return
    line = {
        **common_fields(time.time(), "INFO", _log.name, "request"),
        "event": "request",
        "request_id": f"req_{token}",
        "key": key or None,
        "endpoint": endpoint,
        "status": status,
        "seconds": round(seconds, 3),
        "labels": dict(labels),
    }
    text = orjson.dumps(line).decode()
    # `info` would look for its caller in the stack, which the line does not name and which takes its time.
    _log.handle(logging.LogRecord(_log.name, logging.INFO, __file__, 0, text, None, None))


def log_requests_to_standard_output() -> None:
    """Nothing but these lines goes there."""
    _log.addHandler(logging.StreamHandler(sys.stdout))
    _log.propagate = False
