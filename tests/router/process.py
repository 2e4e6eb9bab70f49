"""The router as the process that runs in a pod, with a service account of a real API server."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from openai import OpenAI

from tests.gateway.process import wait_for
from tests.support import processes
from tests.support.control_plane import ControlPlane, free_port
from tests.support.engine import SERVING_IMAGE

ACCOUNT = "router"
# What the chart gives the router, no more.
RULES = [
    {"apiGroups": ["fairlead.dev"], "resources": ["modeldeployments"], "verbs": ["get", "list", "watch"]},
    {
        "apiGroups": ["discovery.k8s.io"],
        "resources": ["endpointslices"],
        "verbs": ["get", "list", "watch"],
    },
]


def own_address() -> str:
    """An address of this machine that EndpointSlices accept: the loopback ones they do not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing
        return str(probe.getsockname()[0])


def make_account(plane: ControlPlane, namespace: str) -> str:
    """The token of a service account with the router's rights in this namespace."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role"}
    named = {"metadata": {"name": ACCOUNT, "namespace": namespace}}
    plane.kubectl("apply", "-f", "-", input=json.dumps({**role, **named, "rules": RULES}))
    plane.kubectl("create", "serviceaccount", ACCOUNT, "-n", namespace)
    bound = f"--serviceaccount={namespace}:{ACCOUNT}"
    plane.kubectl("create", "rolebinding", ACCOUNT, "-n", namespace, f"--role={ACCOUNT}", bound)
    return plane.kubectl("create", "token", ACCOUNT, "-n", namespace, "--duration=1h").strip()


class RouterProcess:
    """`python -m fairlead_gateway route` for one namespace. Use as a context."""

    def __init__(self, plane: ControlPlane, namespace: str, token: str, **settings: Any) -> None:
        of_plane = {"api_server": plane.url, "ca_file": plane.folder / "pki" / "ca.crt"}
        self._start(token, {"host": "127.0.0.1", "watch_namespaces": namespace} | of_plane | settings)

    @classmethod
    def alone(cls) -> RouterProcess:
        """A router with the default host, whose API server does not answer."""
        router = cls.__new__(cls)
        router._start("", {"api_server": f"http://127.0.0.1:{free_port()}"})
        return router

    def _start(self, token: str, settings: dict[str, Any]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="fairlead-router-"))
        (self._folder / "token").write_text(token)
        self.api_port, self.admin_port = free_port(), free_port()
        values = {
            "api_port": self.api_port,
            "admin_port": self.admin_port,
            "token_file": self._folder / "token",
            "linger_seconds": 0.1,
            "drain_seconds": 30,
        } | settings
        environment = {f"FAIRLEAD_ROUTER_{name.upper()}": str(value) for name, value in values.items()}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fairlead_gateway", "route"],
            env=os.environ | {"PYTHONPATH": str(SERVING_IMAGE)} | environment,
        )

    def __enter__(self) -> RouterProcess:
        return self

    def __exit__(self, *details: object) -> None:
        processes.stop(self.process, self._folder)

    def wait_ready(self) -> None:
        """Returns once it knows the models."""
        wait_for(lambda: self.process.poll() is None and self.admin("/readyz")[0] == 200)

    def terminate(self) -> None:
        """Asks it to end, as Kubernetes does."""
        self.process.send_signal(signal.SIGTERM)

    def admin(self, path: str) -> tuple[int, Any]:
        """Status and JSON of a GET on the admin port; 0 while nothing answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=70)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except OSError:
            return 0, None
        finally:
            connection.close()

    def demand(self, key: str) -> dict[str, Any]:
        """What it reports of one model; empty while it does not know it."""
        _, record_load = self.admin("/demand")
        return dict((record_load or {"models": {}})["models"].get(key, {}))

    @contextlib.contextmanager
    def openai(self, retries: int = 0) -> Any:
        """The official client."""
        url = f"http://127.0.0.1:{self.api_port}/v1"
        with OpenAI(base_url=url, api_key="none", max_retries=retries, timeout=120) as client:
            yield client
