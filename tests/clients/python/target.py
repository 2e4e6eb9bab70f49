"""What every scenario needs, whatever client it is of: where to connect, and how to report a failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """Where a scenario's client shall connect, with which key, and how often it may try again."""

    base_url: str
    api_key: str
    max_retries: int


def describe(error: Exception) -> dict[str, Any]:
    """What an application sees of an exception of the client."""
    return {
        "kind": type(error).__name__,
        "kinds": [base.__name__ for base in type(error).__mro__],
        "message": str(error),
        "status": getattr(error, "status_code", None),
        "code": getattr(error, "code", None),
        "param": getattr(error, "param", None),
        "type": getattr(error, "type", None),
        "request_id": getattr(error, "request_id", None),
    }
