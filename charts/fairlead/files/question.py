"""Asks the router for its models, and one model a question. Ends with 1 when either is not answered.

Environment: BASE_URL, MODEL (empty: the first that is listed), API_KEY (optional), TIMEOUT_SECONDS.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any

MAX_ANSWER_BYTES = 1024 * 1024


def call(path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The JSON answer of the router. Ends the program when it is not a 200."""
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get("API_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    data = None if body is None else json.dumps(body).encode()
    # The scheme is fixed by the chart.
    request = urllib.request.Request(os.environ["BASE_URL"] + path, data, headers)  # noqa: S310
    try:
        seconds = int(os.environ["TIMEOUT_SECONDS"])
        with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310
            found: dict[str, Any] = json.loads(answer.read(MAX_ANSWER_BYTES))
            return found
    except urllib.error.HTTPError as error:
        text = error.read(MAX_ANSWER_BYTES).decode(errors="replace")
        hint = ": set helmTest.apiKeySecret" if error.code == 401 else ""
        sys.exit(f"{path}: HTTP {error.code}{hint}: {text}")
    except OSError as error:
        sys.exit(f"{path}: no answer from {os.environ['BASE_URL']}: {error}")


def main() -> None:
    """Asks."""
    models = [model["id"] for model in call("/models")["data"]]
    print(f"the router lists {len(models)} models", flush=True)
    name = os.environ.get("MODEL") or (models[0] if models else "")
    if not name:
        print("there is no model to ask; apply a ModelDeployment and run `helm test` again")
        return
    question = {"role": "user", "content": "Say hello."}
    answer = call("/chat/completions", {"model": name, "messages": [question], "max_tokens": 16})
    message = answer["choices"][0]["message"]
    print(f"{name} answers: {message.get('content') or message}")


main()
