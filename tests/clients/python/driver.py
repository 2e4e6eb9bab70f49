"""Runs scenarios of one Python client in that client's own environment.

    python -m tests.clients.python.driver

One JSON object a line on standard input: `target` (see Target), `scenario` ("module.function" beside this
file) and `arguments`. One a line on standard output: `result`, or `error` with what an application could read
from the exception. One process for all scenarios, because importing a client takes longer than most of them.
"""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """Where a scenario's client shall connect, with which key, and how often it may try again."""

    base_url: str
    api_key: str
    max_retries: int


def run(request: dict[str, Any]) -> Any:
    """The scenario's result."""
    module, function = request["scenario"].split(".")
    scenario = getattr(importlib.import_module(f"{__package__}.{module}"), function)
    return scenario(Target(**request["target"]), **request["arguments"])


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


def main() -> None:
    """Serves until standard input ends."""
    for line in sys.stdin:
        try:
            reply = {"result": run(json.loads(line))}
        except Exception as error:  # whatever the client raises is the answer
            reply = {"error": describe(error)}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
