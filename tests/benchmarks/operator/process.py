"""The processes that are measured: CPU time, memory, and the operator with its HTTP endpoints."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp

from e2e.cluster.paths import ROOT
from tests.benchmarks.operator.errors import InvalidError
from tests.benchmarks.operator.metrics import Metrics
from tests.support.control_plane import dies_with_parent, free_port

_MIB = 1 << 20
_KIB_PER_MIB = 1024
_PAGE = resource.getpagesize()
_STOP_SECONDS = 60
_START_SECONDS = 120


class MeasuredProcess:
    """A Python module that runs as a process of its own, with a log."""

    def __init__(self, module: str, arguments: Sequence[str], settings: Mapping[str, str], log: Path) -> None:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("FAIRLEAD_")}
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*dies_with_parent(), sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env={**inherited, "PYTHONPATH": f"{ROOT / 'operator'}:{ROOT}", **settings},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def cpu_seconds(self) -> float:
        """User and system time since the process began. Raises InvalidError if it is gone."""
        if self.process.poll() is not None:
            raise InvalidError(f"{self.log.stem} has ended:\n{self._tail()}")
        return cpu_seconds(self.process.pid)

    def memory_mib(self) -> tuple[float, float]:
        """Resident memory now and at its highest."""
        status = self._read("status").splitlines()
        highest = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        return int(self._read("statm").split()[1]) * _PAGE / _MIB, highest / _KIB_PER_MIB

    async def await_line(self, text: str) -> None:
        """Returns when the log holds a text; raises InvalidError if the process ends before."""
        end = time.monotonic() + _START_SECONDS
        while text not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > end:
                raise InvalidError(f"no {text!r} in the log of {self.log.stem}:\n{self._tail()}")
            await asyncio.sleep(0.05)

    async def stop(self) -> int:
        """Asks it to end as Kubernetes does, and returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.process.wait, _STOP_SECONDS)

    def close(self) -> None:
        """Ends it whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def _read(self, name: str) -> str:
        try:
            return Path(f"/proc/{self.process.pid}/{name}").read_text()
        except OSError as error:
            raise InvalidError(f"{self.log.stem} has ended:\n{self._tail()}") from error

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])


class Operator(MeasuredProcess):
    """One replica of the operator that serves all namespaces, as its image runs it."""

    def __init__(self, kubeconfig: Path, log: Path, settings: Mapping[str, str]) -> None:
        self._port = free_port()
        fixed = {
            "KUBECONFIG": str(kubeconfig),
            "FAIRLEAD_POD_NAME": log.stem,
            "FAIRLEAD_GATEWAY_IMAGE": "gateway:1",
            "FAIRLEAD_ENGINE_IMAGE": "vllm:1",
            "FAIRLEAD_HEALTH_PORT": str(self._port),
        }
        super().__init__("fairlead_operator", ["operator"], {**fixed, **settings}, log)

    async def metrics(self) -> Metrics:
        """A look at /metrics."""
        return Metrics.parse((await self._get("/metrics"))[1])

    async def healthy(self) -> bool:
        """Whether /healthz says so; no answer is none."""
        try:
            return (await self._get("/healthz"))[0] == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def await_watching(self) -> None:
        """Returns when /readyz says that this replica watches."""
        end = time.monotonic() + _START_SECONDS
        while True:
            try:
                if (await self._get("/readyz"))[0] == 200 and (await self.metrics()).total("leader"):
                    return
            except aiohttp.ClientError:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                raise InvalidError(f"the operator is not ready:\n{self._tail()}")
            await asyncio.sleep(0.1)

    async def _get(self, path: str) -> tuple[int, str]:
        timeout = aiohttp.ClientTimeout(total=30)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://127.0.0.1:{self._port}{path}") as answer,
        ):
            return answer.status, await answer.text()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process since it began. Raises InvalidError if it is gone."""
    try:
        # The kernel's id of another process's CPU clock, as clock_getcpuclockid(3) makes it.
        return time.clock_gettime((~pid << 3) | 2)
    except OSError as error:
        raise InvalidError(f"process {pid} has ended") from error
