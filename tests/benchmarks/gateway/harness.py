"""Runs one proxy in front of the mock engine and drives load through it.

The proxy has one core for itself; mock engine and load generator share the other. Where the machine permits
it (root), all of them run with the real-time policy SCHED_RR: otherwise whatever else runs on the machine
decides when they wake up, and that changes how much they find to do at once and so what each piece costs.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.cluster.shell import succeeds
from tests.benchmarks.gateway.errors import InvalidError
from tests.benchmarks.gateway.programs import Programs
from tests.benchmarks.gateway.systems import API_KEY, Launch, System, Upstream, free_port
from tests.benchmarks.gateway.tree import ProcessTree
from tests.support import processes

_START_SECONDS = 120
_MARGIN_SECONDS = 120


@dataclass(frozen=True)
class Load:
    """What one run of the load generator did, and the proxy's CPU time meanwhile."""

    requests: int
    tokens: int
    seconds: float
    p50_us: float
    cpu_seconds: float


@dataclass(frozen=True)
class Cores:
    """The core of the proxy and the one of everything else."""

    proxy: int
    others: int


def pinned(core: int, *, real_time: bool) -> list[str]:
    """What stands before a command that shall run on one core and end with this process."""
    policy = ["chrt", "--rr", "1"] if real_time else []
    return ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", str(core), *policy]


def choose_cores() -> Cores:
    """The first two cores that this process may use. Raises InvalidError if it has only one."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise InvalidError("the benchmark needs two cores: one for the proxy, one for load and engine")
    return Cores(usable[0], usable[1])


class Bench:
    """The mock engine, and proxies in front of it one at a time. A context manager."""

    def __init__(self, programs: Programs, cores: Cores) -> None:
        self._programs, self._cores = programs, cores
        self.real_time = succeeds(["chrt", "--rr", "1", "true"])
        # Not a long path: it holds Unix sockets.
        self.folder = Path(tempfile.mkdtemp(prefix="fairlead-bench-"))
        self.upstream = Upstream(self.folder / "engine.sock", free_port())

    def __enter__(self) -> Bench:
        command = (
            *(self._programs.mock_engine, "--tcp", str(self.upstream.port)),
            *("--unix", self.upstream.socket),
        )
        self._engine = self._start(Launch(command, ""), self._cores.others, self.folder / "engine.log")
        try:
            self._wait_serving(self.upstream.port, self._engine, self.folder / "engine.log")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        processes.stop(self._engine, self.folder)

    @contextlib.contextmanager
    def proxy(self, system: System) -> Iterator[Proxy]:
        """The system, serving; ended with the block. Raises MissingError or InvalidError."""
        folder = Path(tempfile.mkdtemp(prefix=f"{system.name}-", dir=self.folder))
        port = free_port()
        log = folder / "log"
        try:
            launch = system.prepare(folder, port, self.upstream)
        except BaseException:
            shutil.rmtree(folder)
            raise
        process = self._start(launch, self._cores.proxy, log)
        try:
            self._wait_serving(port, process, log)
            yield Proxy(self, port, ProcessTree(process.pid), launch.version)
        finally:
            processes.stop(process, folder)

    def direct(self) -> Proxy:
        """The mock engine itself, as if it were a proxy: what the others add to."""
        return Proxy(self, self.upstream.port, ProcessTree(self._engine.pid), "")

    def drive(self, port: int, body: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
        """Runs the load generator. Raises InvalidError if any answer was wrong."""
        content = self.folder / "body.json"
        content.write_text(json.dumps(body))
        arguments = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        command: list[str | Path] = [
            *pinned(self._cores.others, real_time=self.real_time),
            *(
                self._programs.load,
                "--port",
                str(port),
                "--body",
                content,
                "--header",
                f"authorization: Bearer {API_KEY}",
            ),
            *arguments,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not done.stdout:
            raise InvalidError(f"the load generator ended with {done.returncode}: {done.stderr.strip()}")
        report: dict[str, Any] = json.loads(done.stdout)
        if report["failures"]:
            raise InvalidError(f"{report['failures']} wrong answers: {report['failure']}")
        return report

    def _start(self, launch: Launch, core: int, log: Path) -> subprocess.Popen[bytes]:
        # Nothing of this process's environment: a proxy setting or a library's switch would be measured too.
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **launch.environment}
        command = [*pinned(core, real_time=self.real_time), *launch.command]
        with log.open("wb") as output:
            return subprocess.Popen(command, stdout=output, stderr=output, env=environment)

    def _wait_serving(self, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.monotonic() + _START_SECONDS
        wrong = "it does not listen"
        while time.monotonic() < deadline and process.poll() is None:
            try:
                self.drive(port, chat(), {"rounds": 1, "timeout": 5})
                return
            except InvalidError as error:
                wrong = str(error)
                time.sleep(0.1)
        raise InvalidError(f"it does not serve ({wrong}):\n{log.read_text(errors='replace')[-2000:]}")


class Proxy:
    """A serving proxy."""

    def __init__(self, bench: Bench, port: int, tree: ProcessTree, version: str) -> None:
        self._bench, self._port, self._tree = bench, port, tree
        self.version = version

    def load(self, body: Mapping[str, Any], **options: Any) -> Load:
        """One run of the load generator with its options (native/load.c). Raises InvalidError."""
        before = self._tree.cpu_seconds()
        report = self._bench.drive(self._port, body, {"timeout": _MARGIN_SECONDS, **options})
        cpu = self._tree.cpu_seconds() - before
        return Load(report["requests"], report["tokens"], report["seconds"], report["p50_us"], cpu)

    def rss_mib(self) -> float:
        """Resident memory in MiB."""
        return self._tree.rss_mib()


def chat(**fields: Any) -> dict[str, Any]:
    """A small chat request with some usual parameters."""
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "What does a proxy do?"},
    ]
    return {"model": "bench", "messages": messages, "temperature": 0.7, "max_tokens": 100, **fields}
