"""A client in its own process: scenarios go in, results or the client's exceptions come out."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.clients.environments import NODE_SCRIPTS, node_environment, python_environment

REPOSITORY = Path(__file__).resolve().parents[2]
# Above the clients' own timeout, which is 60 s.
ANSWER_SECONDS = 150


class ClientError(Exception):
    """What the client raised, as an application sees it."""

    def __init__(self, seen: Mapping[str, Any]) -> None:
        super().__init__(f"{seen['kind']}: {seen['message']}")
        self.kind: str = seen["kind"]
        self.kinds: list[str] = seen["kinds"]
        self.message: str = seen["message"]
        self.status: int | None = seen["status"]
        self.code: str | None = seen["code"]
        self.param: str | None = seen["param"]
        self.type: str | None = seen["type"]
        self.request_id: str | None = seen["request_id"]


class Client:
    """One client library. `stop` ends its process."""

    def __init__(self, command: Sequence[str | Path], **variables: str) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=REPOSITORY,
            env=os.environ | variables,
        )

    def call(self, target: Mapping[str, Any], scenario: str, arguments: Mapping[str, Any]) -> Any:
        """The scenario's result. Raises ClientError for what the client raises."""
        request = {"target": target, "scenario": scenario, "arguments": arguments}
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], ANSWER_SECONDS)
        assert ready, f"no answer from the client to {scenario}"
        reply = json.loads(self._process.stdout.readline())
        if "error" in reply:
            raise ClientError(reply["error"])
        return reply["result"]

    def stop(self) -> None:
        """Ends the process, as the end of its input asks it to."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


class Application:
    """A client connected to one gateway."""

    def __init__(self, client: Client, port: int, api_key: str = "none") -> None:
        self._client = client
        self._target = {"base_url": f"http://127.0.0.1:{port}/v1", "api_key": api_key}

    def __call__(self, scenario: str, *, max_retries: int = 0, **arguments: Any) -> Any:
        """The scenario's result; without the client's own retries unless asked for."""
        return self._client.call(self._target | {"max_retries": max_retries}, scenario, arguments)


def _python(interpreter: str | Path) -> Client:
    return Client([interpreter, "-m", "tests.clients.python.driver"])


def _node(package: str) -> Client:
    node = node_environment()
    packages = str(node.packages)
    return Client([node.program, NODE_SCRIPTS / "driver.mjs", package], FAIRLEAD_NODE_PACKAGES=packages)


OPENAI_CLIENTS: dict[str, Callable[[], Client]] = {
    "openai-python-3": lambda: _python(sys.executable),
    "openai-python-2": lambda: _python(python_environment("openai2")),
    "openai-node-7": lambda: _node("openai7"),
    "openai-node-6": lambda: _node("openai6"),
}


def langchain() -> Client:
    """LangChain on the openai-python that it chose."""
    return _python(python_environment("langchain"))
