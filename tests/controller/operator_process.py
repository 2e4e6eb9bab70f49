"""The operator as a process, as it runs in a pod: started, asked over HTTP, stopped by a signal."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tests.kube.support import eventually

ROOT = Path(__file__).resolve().parents[2]
_STOP_SECONDS = 30


class OperatorProcess:
    """One replica that serves one namespace and keeps its Lease there.

    `settings` differ from the test's usual ones; `program` are Python's arguments.
    """

    def __init__(
        self,
        kubeconfig: Path,
        namespace: str,
        folder: Path,
        name: str = "operator-0",
        settings: Mapping[str, str] | None = None,
        program: Sequence[str] = ("-m", "fairlead_operator", "operator"),
    ) -> None:
        self._port = _free_port()
        # A process that is restarted under its name appends to its log.
        self._log = (folder / f"{name}.log").open("a+")
        environment = {
            "FAIRLEAD_POD_NAME": name,
            "FAIRLEAD_POD_NAMESPACE": namespace,
            "FAIRLEAD_WATCH_NAMESPACES": namespace,
            "FAIRLEAD_GATEWAY_IMAGE": "gateway:1",
            "FAIRLEAD_ENGINE_IMAGE": "vllm:1",
            "FAIRLEAD_HEALTH_PORT": str(self._port),
            **(settings or {}),
        }
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("FAIRLEAD_")}
        self._process = subprocess.Popen(
            # A warning is a failure here too.
            [sys.executable, "-W", "error", *program],
            env={
                **inherited,
                **environment,
                "KUBECONFIG": str(kubeconfig),
                "PYTHONPATH": os.pathsep.join((str(ROOT / "operator"), str(ROOT))),
            },
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    @property
    def port(self) -> int:
        """Where it serves health and metrics."""
        return self._port

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends a signal and returns the exit code."""
        self.send(number)
        return await self.wait()

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self._process.send_signal(number)

    async def wait(self) -> int:
        """Waits for the end of the process and returns its exit code."""
        return await asyncio.to_thread(self._process.wait, _STOP_SECONDS)

    def close(self) -> None:
        """Ends the process whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._log.close()

    @property
    def log(self) -> str:
        """What was logged so far."""
        self._log.flush()
        return Path(self._log.name).read_text()

    async def ready(self) -> bool:
        """Whether /readyz says so; fails if the process is gone."""
        assert self._process.poll() is None, self.log
        return (await self._get("/readyz"))[0] == 200

    async def metric(self, pattern: str) -> float:
        """The sum of all samples whose name and labels match a regular expression."""
        _, text = await self._get("/metrics")
        samples = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
        return sum(float(value) for name, value in samples if re.search(pattern, name))

    async def metrics(self) -> str:
        """The whole page of metrics."""
        return (await self._get("/metrics"))[1]

    async def writes(self) -> float:
        """Requests that changed something, without those for the Lease and the check at the start."""
        everything = r'api_requests_total\{.*verb="(POST|PATCH|PUT|DELETE)"'
        own = r'api_requests_total\{.*kind="(Lease|SelfSubjectAccessReview)",verb="(POST|PATCH|PUT|DELETE)"'
        return await self.metric(everything) - await self.metric(own)

    async def quiet(self) -> None:
        """Waits until the operator has worked and two looks at its counters see nothing new."""
        last = -1.0

        async def settled() -> bool:
            nonlocal last
            before, last = last, await self.metric("reconcile_total")
            return last == before > 0 == await self.metric("queue_depth")

        await eventually("the operator to come to rest", settled)

    async def _get(self, path: str) -> tuple[int, str]:
        def request() -> tuple[int, str]:
            try:
                with urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as answer:
                    return answer.status, answer.read().decode()
            except HTTPError as error:
                with error:
                    return error.code, ""
            except URLError:
                return 0, ""

        return await asyncio.to_thread(request)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
