"""The gateway as the process that runs in a pod, in front of a real engine."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from openai import OpenAI

from tests.support import processes
from tests.support.any_user import group_folder
from tests.support.engine import SERVED_NAMES, SERVING_IMAGE

START_SECONDS = 60


def free_port() -> int:
    """A port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def request(port: int, path: str, method: str = "GET") -> tuple[int, bytes]:
    """Status and body of a request without a body to a port on 127.0.0.1. Raises OSError."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=150)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def get_status(host: str, port: int, path: str) -> int:
    """The status of the answer to a GET at this address."""
    connection = http.client.HTTPConnection(host, port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


class EngineFiles(Protocol):
    """All that a gateway knows of its engine."""

    @property
    def socket(self) -> Path:
        """Where it listens."""

    @property
    def state_file(self) -> Path:
        """What its launcher writes."""


class GatewayProcess:
    """`python -m fairlead_gateway serve`, stopped by `stop`."""

    def __init__(
        self, engine: EngineFiles, host: str = "127.0.0.1", wrapper: Sequence[str] = (), /, **settings: Any
    ) -> None:
        self.run_dir = group_folder(Path(tempfile.mkdtemp(prefix="fairlead-")))
        (self.run_dir / "engine.sock").symlink_to(engine.socket)
        (self.run_dir / "engine.json").symlink_to(engine.state_file)
        self.launcher_dir = group_folder(self.run_dir / "launcher")
        config = self.run_dir / "gateway.json"
        model = {"servedName": SERVED_NAMES[0], "aliases": SERVED_NAMES[1:]}
        config.write_text(json.dumps({"model": model, "drainTimeoutSeconds": 120} | settings))
        self.api_port, self.admin_port = free_port(), free_port()
        environment = os.environ | {
            "PYTHONPATH": str(SERVING_IMAGE),
            "FAIRLEAD_GATEWAY_CONFIG": str(config),
            "FAIRLEAD_GATEWAY_RUN_DIR": str(self.run_dir),
            "FAIRLEAD_GATEWAY_LAUNCHER_DIR": str(self.launcher_dir),
            "FAIRLEAD_GATEWAY_KEYS_DIR": str(self.run_dir / "keys"),
            "FAIRLEAD_GATEWAY_HOST": host,
            "FAIRLEAD_GATEWAY_API_PORT": str(self.api_port),
            "FAIRLEAD_GATEWAY_ADMIN_PORT": str(self.admin_port),
            "FAIRLEAD_GATEWAY_LINGER_SECONDS": "0.2",
        }
        command = [*wrapper, sys.executable, "-m", "fairlead_gateway", "serve"]
        self._output = self.run_dir / "output"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(command, env=environment, stdout=output)
        try:
            self._wait_alive(engine.socket)
        except BaseException:
            self.stop()
            raise

    def _wait_alive(self, engine: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                # As Kubernetes does before any request, unless there is no engine.
                if self.admin("/readyz" if engine.exists() else "/healthz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise RuntimeError("the gateway did not start")

    @property
    def output(self) -> str:
        """What the process has written to its standard output: a JSON line per logged request."""
        return self._output.read_text()

    def admin(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        """Status and body of a request to the admin port."""
        return request(self.admin_port, path, method)

    def openai(self) -> OpenAI:
        """The official client, without its own retries; to be closed."""
        return OpenAI(
            base_url=f"http://127.0.0.1:{self.api_port}/v1", api_key="none", max_retries=0, timeout=120
        )

    def __enter__(self) -> GatewayProcess:
        return self

    def __exit__(self, *details: object) -> None:
        self.stop()

    def stop(self) -> int:
        """Asks the gateway to end, as Kubernetes does, and returns its exit code."""
        return processes.stop(self.process, self.run_dir)


class Background:
    """A call in a thread; `result` waits for it."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._value: Any = None
        self._thread = threading.Thread(target=self._run, args=(function, arguments), daemon=True)
        self._thread.start()

    def _run(self, function: Any, arguments: tuple[Any, ...]) -> None:
        self._value = function(*arguments)

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def result(self) -> Any:
        self._thread.join(150)
        assert self.done
        return self._value


def wait_for(condition: Any, seconds: float = 60) -> None:
    """Returns when the condition holds; fails after the given time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.05)
