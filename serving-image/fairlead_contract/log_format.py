"""The log format of all programs: one JSON object per line.

Its keys are `time` (UTC, with milliseconds), `level` (DEBUG, INFO, WARNING, ERROR or CRITICAL), `logger` and
`message`, then the labels of the record, if it has any, and `exception` with a traceback. The launcher cannot
import this module and writes the same format by itself; a test compares the two.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

# What a record has besides its labels. uvicorn adds its message a second time, with colours for a terminal.
_NO_LABELS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


# `json.dumps` with these arguments would make a new encoder for each line.
_encode = json.JSONEncoder(default=str, ensure_ascii=False).encode


def common_fields(unix_seconds: float, level: str, logger: str, message: str) -> dict[str, Any]:
    """Returns the keys that each line begins with, and their values."""
    time = datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="milliseconds")
    return {"time": time, "level": level, "logger": logger, "message": message}


def log_line(unix_seconds: float, level: str, logger: str, message: str, labels: Mapping[str, Any]) -> str:
    """Returns one line of JSON without a line feed: the common keys, then the labels."""
    return _encode(common_fields(unix_seconds, level, logger, message) | dict(labels))


class JsonFormatter(logging.Formatter):
    """Formats the records of Python's loggers; their labels are what `extra` holds."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the record as one line of JSON."""
        labels = {key: value for key, value in vars(record).items() if key not in _NO_LABELS}
        if record.exc_info:
            labels["exception"] = self.formatException(record.exc_info)
        return log_line(record.created, record.levelname, record.name, record.getMessage(), labels)
