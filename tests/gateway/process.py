"""Gateways as their pods run them, in front of an engine that runs already."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from openai import OpenAI

from fairlead_contract.names import GATEWAY_VARIABLES
from fairlead_contract.paths import ENGINE_SOCKET, ENGINE_STATE, GATEWAY_SETTINGS
from fairlead_operator.api.names import GATEWAY_CONTAINER
from fairlead_operator.render.paths import LAUNCHER_VOLUME
from tests.support import processes
from tests.support.any_user import group_folder
from tests.support.manifests import PLAIN, Object, merged
from tests.support.planned import Secrets, container, planned_pod

START_SECONDS = 60
LOOPBACK = "127.0.0.1"


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


class Gateway:
    """A gateway that runs, at its two ports on 127.0.0.1. `log` is the file with its output."""

    def __init__(self, api_port: int, admin_port: int, log: Path) -> None:
        self.api_port, self.admin_port, self.log = api_port, admin_port, log

    @property
    def output(self) -> str:
        """What the process has written: a JSON line per logged request."""
        return self.log.read_text()

    def admin(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        """Status and body of a request to the admin port."""
        return request(self.admin_port, path, method)

    def openai(self) -> OpenAI:
        """The official client, without its own retries; to be closed."""
        return OpenAI(
            base_url=f"http://{LOOPBACK}:{self.api_port}/v1", api_key="none", max_retries=0, timeout=120
        )


class GatewayProcess(Gateway):
    """The gateway of a model's pod without the rest of the pod, as `fairlead run` plans it; ended by `stop`.

    `spec` is the model's, or what it has beside the defaults; `secrets` are those that it refers to. Only
    what no manifest says is given beside it: the address to listen at, a `wrapper` that the command runs
    under, and `settings` of gateway.json that the API bounds more narrowly than a test can wait for.
    """

    def __init__(
        self,
        engine: EngineFiles,
        spec: Object | None = None,
        *,
        host: str = LOOPBACK,
        wrapper: Sequence[str] = (),
        secrets: Secrets | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self._folder = group_folder(Path(tempfile.mkdtemp(prefix="fairlead-")))
        super().__init__(free_port(), free_port(), self._folder / "output")
        ports = self.api_port, self.admin_port
        pod = planned_pod(merged(PLAIN, spec or {}), self._folder, ports=ports, secrets=secrets)
        process = container(pod, GATEWAY_CONTAINER, **{f"{GATEWAY_VARIABLES}HOST": host})
        volumes = Path(pod.folder)
        self.launcher_dir = volumes / LAUNCHER_VOLUME
        (volumes / "run" / ENGINE_SOCKET).symlink_to(engine.socket)
        (volumes / "run" / ENGINE_STATE).symlink_to(engine.state_file)
        if settings:
            file = volumes / "gateway-config" / GATEWAY_SETTINGS
            file.write_text(json.dumps(json.loads(file.read_bytes()) | settings))
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [*wrapper, *process.command], env=process.environment, cwd=self._folder, stdout=output
            )
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

    def __enter__(self) -> GatewayProcess:
        return self

    def __exit__(self, *details: object) -> None:
        self.stop()

    def stop(self) -> int:
        """Asks the gateway to end, as Kubernetes does, and returns its exit code."""
        return processes.stop(self.process, self._folder)


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
