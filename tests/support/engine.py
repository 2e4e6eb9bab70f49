"""A real vLLM on CPU for tests: installed once into a cache, served by `fairlead run`.

Every test that uses the engine so also proves the launcher, the rendered arguments and `fairlead run`.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from e2e.cluster import debian
from e2e.cluster.shell import ClusterError
from e2e.models.tiny import make_model
from fairlead_contract.paths import ENGINE_SOCKET, ENGINE_STATE, LAUNCHER
from fairlead_launcher.archive import write_archive
from fairlead_operator.local.engine_env import ensure_engine
from fairlead_operator.local.errors import LocalError
from fairlead_operator.progress import Progress
from tests.gateway.process import Gateway, GatewayProcess
from tests.support import processes
from tests.support.local_run import LocalRun
from tests.support.manifests import CLAIM, FIRST, NAME, Object, manifest, merged

REPOSITORY = Path(__file__).resolve().parents[2]
SERVING_IMAGE = REPOSITORY / "serving-image"


def install_vllm() -> Path:
    """The Python interpreter of a virtual environment with the locked vLLM; installs it on first use."""
    debian.require(["libnuma.so.1", "libgomp.so.1"], "vLLM on CPU")
    try:
        return ensure_engine(Progress(), cuda=False)
    except LocalError as error:
        raise ClusterError(str(error)) from error


def vllm_folder() -> Path:
    """The folder of the installed vLLM's package."""
    (folder,) = install_vllm().parents[1].glob("lib/python*/site-packages/vllm")
    return folder


def install_launcher(folder: Path) -> Path:
    """The launcher in a folder, as the gateway puts it into a pod."""
    file = folder / LAUNCHER
    write_archive(file)
    return file


@dataclass(eq=False)
class RunFiles:
    """The folder that the containers of a pod share: the engine's socket, and its state."""

    folder: Path

    @property
    def socket(self) -> Path:
        """Where the engine listens."""
        return self.folder / ENGINE_SOCKET

    @property
    def state_file(self) -> Path:
        """The file that the launcher writes."""
        return self.folder / ENGINE_STATE

    def state(self) -> dict[str, Any]:
        """The launcher's last report."""
        document: dict[str, Any] = json.loads(self.state_file.read_bytes())
        return document

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a GET over the engine's socket. Raises OSError while no process listens."""
        connection = http.client.HTTPConnection("engine", timeout=10)
        with contextlib.closing(connection), socket.socket(socket.AF_UNIX) as unix:
            unix.settimeout(10)
            unix.connect(str(self.socket))
            connection.sock = unix
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()


class Engine(RunFiles):
    """A model that `fairlead run` serves.

    `spec` is its manifest's. `models` is the folder of its claim; if absent, one with the tiny model.
    `run` is the whole run. It is ended by `stop`, or by the kernel if this process dies first.
    """

    def __init__(self, spec: Object = FIRST, models: Path | None = None) -> None:
        # Not pytest's folder: a Unix socket's path must stay short.
        self._home = Path(tempfile.mkdtemp(prefix="fairlead-"))
        super().__init__(self._home / "run" / "pods" / NAME / "run")
        self.spec = spec
        if models is None:
            models = self._home / "models"
            make_model(models / NAME)
        file = self._home / "model.yaml"
        file.write_text(yaml.safe_dump(manifest(spec)))
        venv, volume = install_vllm().parents[1], f"{CLAIM}={models}"
        self.run = LocalRun(self._home, "-f", file, "--engine-venv", venv, "--volume", volume)

    def wait_ready(self) -> Engine:
        """Returns when the model is served. Fails with the cause if a container ends before."""
        self.run.wait_ready()
        return self

    @property
    def gateway(self) -> Gateway:
        """The gateway of its pod."""
        return Gateway(*self.run.ports(NAME), self.run.log(NAME, "gateway"))

    def another_gateway(self, changes: Object | None = None, **settings: Any) -> GatewayProcess:
        """One more gateway in front of it, with changes of the manifest or, where that is not enough, with
        settings of gateway.json.
        """
        return GatewayProcess(self, merged(self.spec, changes or {}), settings=settings)

    def running_requests(self) -> float:
        """How many requests the engine works on, by its own metrics."""
        for line in self.get("/metrics")[1].decode().splitlines():
            if line.startswith("vllm:num_requests_running{"):
                return float(line.rsplit(" ", 1)[1])
        raise RuntimeError("the engine does not report its running requests")

    def core(self) -> int:
        """The process id of vLLM's engine process, below the launcher."""
        (found,) = (pid for pid, name in processes.descendants(self.run.process.pid) if "Engine" in name)
        return found

    def log_tail(self) -> str:
        """The end of the engine's log."""
        return self.run.log(NAME, "vllm").read_text(errors="replace")[-4000:]

    def stop(self) -> int:
        """Ends the run, removes its folder and returns the exit code of `fairlead run`."""
        try:
            return self.run.stop()
        finally:
            shutil.rmtree(self._home, ignore_errors=True)
