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
from typing import Any

from .target import Target, describe


def run(request: dict[str, Any]) -> Any:
    """The scenario's result."""
    module, function = request["scenario"].split(".")
    scenario = getattr(importlib.import_module(f"{__package__}.{module}"), function)
    return scenario(Target(**request["target"]), **request["arguments"])


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
