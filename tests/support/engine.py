"""A real vLLM on CPU for tests: installed once into a cache, started through the engine launcher.

Starting it through the launcher is on purpose: every test that uses the engine also proves the launcher.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from e2e.cluster import debian, paths
from e2e.cluster.shell import ClusterError
from e2e.models.tiny import make_model
from fairlead_contract.paths import LAUNCHER
from fairlead_launcher.archive import write_archive
from fairlead_operator.local.engine_env import ensure_engine
from fairlead_operator.local.errors import LocalError
from fairlead_operator.progress import Progress
from tests.support import processes
from tests.support.any_user import group_folder

REPOSITORY = Path(__file__).resolve().parents[2]
SERVING_IMAGE = REPOSITORY / "serving-image"
VERSION = "0.32.0"
CONTEXT_TOKENS = 1024
SERVED_NAMES = ("tiny", "small")
# The models that the provider documents name in their examples, which tests run as printed.
DOCUMENTED_NAMES = ("qwen35-397b-a17b-instruct-general", "llama-3.1-8b")
# Generous: two busy cores import torch three times before the engine is up.
READY_SECONDS = 400

COMMON_ARGUMENTS = (
    *("--served-model-name", *SERVED_NAMES, *DOCUMENTED_NAMES),
    *("--shutdown-timeout", "20"),
    *("--generation-config", "vllm"),
    *("--max-model-len", str(CONTEXT_TOKENS)),
    "--enforce-eager",
)
ENGINE_ARGUMENTS = (
    *COMMON_ARGUMENTS,
    *("--max-num-seqs", "16"),
    "--enable-auto-tool-choice",
    *("--tool-call-parser", "hermes"),
    "--enable-prompt-tokens-details",
    "--trust-request-chat-template",
    # A random model would fill the room that a schema leaves for whitespace until its tokens are used up.
    *("--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}'),
)
# How a model with the chat template of Hermes is shown its tools: what the launcher infers a parser from.
HERMES_TOOLS = r"""{%- if tools %}{{- "<|im_start|>system\nTools: <tools>" }}{{- tools | tojson }}
{{- "</tools>\nFor each function call, return a JSON object with its name and arguments:\n<tool_call>\n" }}
{{- "{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call><|im_end|>\n" }}{%- endif %}
"""
# What one configuration cannot be at the same time: a model that thinks, and a queue ordered by priority.
SECOND_ENGINE_ARGUMENTS = (
    *COMMON_ARGUMENTS,
    *("--max-num-seqs", "1"),
    *("--scheduling-policy", "priority"),
    *("--reasoning-parser", "deepseek_r1"),
    *("--structured-outputs-config", '{"backend": "outlines"}'),
)


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


class Engine:
    """One vLLM started by the launcher in a folder of its own under the system's temporary folder.

    `arguments` are vLLM's own. `wrapper` runs it under another command. Stopped by `stop`, or by the kernel
    if this process dies first.
    """

    def __init__(
        self,
        arguments: Sequence[str] = ENGINE_ARGUMENTS,
        model: Path | None = None,
        wrapper: Sequence[str] = (),
    ) -> None:
        python = install_vllm()
        # Not pytest's folder: a Unix socket's path must stay short.
        self.run_dir = group_folder(Path(tempfile.mkdtemp(prefix="fairlead-")))
        self.model_dir = model or make_model(self.run_dir / "model")
        self.socket = self.run_dir / "engine.sock"
        self.state_file = self.run_dir / "engine.json"
        self.termination_log = self.run_dir / "termination-log"
        self.log = self.run_dir / "engine.log"
        command = [
            *(*wrapper, "setpriv", "--pdeathsig", "TERM"),
            *(str(python), str(install_launcher(self.run_dir))),
            *("--socket", str(self.socket), "--state", str(self.state_file)),
            *("--termination-log", str(self.termination_log), "--"),
            *("--model", str(self.model_dir), *arguments),
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment())

    def _environment(self) -> dict[str, str]:
        home = group_folder(self.run_dir / "home")
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "USER": "fairlead",
            "HF_HUB_OFFLINE": "1",
            "VLLM_NO_USAGE_STATS": "1",
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            # The model is too small to share: more threads only wait for each other.
            "OMP_NUM_THREADS": "1",
            # A start imports vLLM in the server, in the engine and, by default, in two more processes: one
            # that only finds out about the model's class, which this folder keeps, and one for each GPU.
            "VLLM_CACHE_ROOT": str(paths.cache_root() / f"vllm-model-classes-{VERSION}"),
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        }

    def state(self) -> dict[str, Any]:
        """What the launcher last wrote."""
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

    def wait_ready(self) -> Engine:
        """Returns when the engine serves. Raises RuntimeError with the cause if it ends before."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the engine ended: {self.state()['cause']}\n{self.log_tail()}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.get("/health")[0] == 200:
                    return self
            time.sleep(0.2)
        raise RuntimeError(f"the engine is not ready after {READY_SECONDS} s\n{self.log_tail()}")

    def running_requests(self) -> float:
        """How many requests the engine works on, by its own metrics."""
        for line in self.get("/metrics")[1].decode().splitlines():
            if line.startswith("vllm:num_requests_running{"):
                return float(line.rsplit(" ", 1)[1])
        raise RuntimeError("the engine does not report its running requests")

    def core(self) -> int:
        """The process id of vLLM's engine process, below the launcher."""
        (server,) = processes.children(self.process.pid)
        return next(pid for pid, name in processes.children(server).items() if "Engine" in name)

    def log_tail(self) -> str:
        """The end of the engine's log."""
        return self.log.read_text(errors="replace")[-4000:]

    def stop(self) -> int:
        """Ends the engine, removes its folder and returns the launcher's exit code."""
        return processes.stop(self.process, self.run_dir)
