"""The launcher's report of a failure: the termination message and a line of the log."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone

from fairlead_launcher.bounds import TERMINATION_BYTES
from fairlead_launcher.causes import Cause


def termination_message(cause: Cause, exit_code: int) -> bytes:
    """The JSON that Kubernetes shows, cut to what it keeps."""
    message = cause.message
    while True:
        document = {"reason": cause.reason, "message": message, "exitCode": exit_code}
        encoded = json.dumps(document).encode()
        if len(encoded) <= TERMINATION_BYTES:
            return encoded
        message = message[: len(message) // 2]


def log_error(message: str) -> None:
    """Logs a problem."""
    log(message, "ERROR")


def log(message: str, level: str = "INFO") -> None:
    """Writes one line in the format that all programs of Fairlead log in."""
    line = {
        "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "level": level,
        "logger": "fairlead.launcher",
        "message": message,
    }
    print(json.dumps(line, ensure_ascii=False), file=sys.stderr, flush=True)
