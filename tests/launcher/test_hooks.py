"""The launcher as a `preStop` hook, beside the gateway as the process that runs in a pod.

No engine is needed: a gateway drains whether its engine answers or not. What a drain waits for is tested with
a real engine in `tests/gateway/test_drain_engine.py`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from e2e.world import wait_until
from fairlead_contract.paths import LAUNCHER
from fairlead_launcher import hooks
from tests.gateway.process import GatewayProcess, free_port
from tests.support.engine import install_launcher

WAIT_SECONDS = 30
LEADER = "LEADER_ADDRESS"


@dataclass
class NoEngine:
    """Files of an engine that has not started."""

    socket: Path
    state_file: Path


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    with GatewayProcess(NoEngine(tmp_path / "engine.sock", tmp_path / "engine.json")) as running:
        yield running


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_launcher(tmp_path_factory.mktemp("launcher"))


def start(
    launcher: Path, hook: str, port: int, *options: str, timeout: float = WAIT_SECONDS
) -> subprocess.Popen[str]:
    """Runs a hook as the kubelet does in the engine's container."""
    command = [sys.executable, str(launcher), hook, "--port", str(port), "--timeout", str(timeout), *options]
    environment = os.environ | {LEADER: "127.0.0.1"}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and output."""
    _, said = process.communicate(timeout=2 * WAIT_SECONDS)
    return process.returncode, said


def status(gateway: GatewayProcess) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(gateway.admin("/status")[1])
    return document


class Stub(ThreadingHTTPServer):
    """A server on one address that gives every request the same answer."""

    daemon_threads = True

    def __init__(self, host: str, code: int = 200, body: bytes = b"{}") -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, 0), _StubHandler)
        self.code, self.body = code, body
        self.asked: list[str] = []

    def __enter__(self) -> Stub:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *details: object) -> None:
        self.shutdown()
        self.server_close()


class _StubHandler(BaseHTTPRequestHandler):
    server: Stub

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        self.send_response(self.server.code)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *args: Any) -> None:
        """Tests read `asked`."""


def test_the_gateway_installs_the_launcher(gateway: GatewayProcess, launcher: Path) -> None:
    assert (gateway.launcher_dir / LAUNCHER).read_bytes() == launcher.read_bytes()


def test_the_drain_hook_returns_when_the_pod_has_drained(launcher: Path, gateway: GatewayProcess) -> None:
    assert end(start(launcher, "drain", gateway.admin_port)) == (0, "")
    assert (status(gateway)["draining"], status(gateway)["drained"]) == (True, True)


def test_in_an_ipv6_only_pod_the_drain_hook_reaches_the_gateway(launcher: Path) -> None:
    try:
        stub = Stub("::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    with stub:
        assert end(start(launcher, "drain", stub.server_port)) == (0, "")
    assert stub.asked == ["POST /drain"]


def test_a_refused_drain_is_reported_and_not_retried(launcher: Path) -> None:
    with Stub("127.0.0.1", 403, b'{"message": "no"}') as stub:
        code, said = end(start(launcher, "drain", stub.server_port))
    assert (code, stub.asked) == (1, ["POST /drain"])
    assert 'HTTP 403 {"message": "no"}' in said


@pytest.mark.parametrize("hook", ["drain", "await-drain"])
def test_no_hook_waits_longer_than_its_timeout(launcher: Path, hook: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        code, said = end(start(launcher, hook, port, "--address-from", LEADER, timeout=1))
    assert code == 1
    assert "not drained within 1 s" in said


def test_the_drain_hook_does_not_wait_for_a_gateway_that_has_ended(launcher: Path) -> None:
    code, said = end(start(launcher, "drain", free_port()))
    assert code == 1
    assert "ConnectionRefusedError" in said


def test_a_worker_waits_until_its_leader_has_drained_and_does_not_drain_it(launcher: Path) -> None:
    with Stub("127.0.0.1", body=b'{"draining": true, "drained": false}') as leader:
        worker = start(launcher, "await-drain", leader.server_port, "--address-from", LEADER)
        wait_until("two looks at the leader", lambda: len(leader.asked) > 1, timeout=WAIT_SECONDS)
        assert worker.poll() is None
        leader.body = b'{"draining": true, "drained": true}'
        assert end(worker) == (0, "")
    assert set(leader.asked) == {"GET /status"}


def test_a_worker_reads_the_drain_state_of_a_real_gateway(launcher: Path, gateway: GatewayProcess) -> None:
    end(start(launcher, "drain", gateway.admin_port))
    assert end(start(launcher, "await-drain", gateway.admin_port, "--address-from", LEADER)) == (0, "")


def test_a_worker_does_not_wait_for_a_leader_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "LEADER_GONE_SECONDS", 0.1)
    monkeypatch.setattr(hooks, "POLL_PAUSE_SECONDS", 0.01)
    assert hooks.await_drain("127.0.0.1", free_port()) == 0


def test_a_worker_without_the_address_of_its_leader_reports_an_error(launcher: Path) -> None:
    code, said = end(start(launcher, "await-drain", free_port(), "--address-from", "NOT_SET"))
    assert code == 1
    assert "'NOT_SET' is not set" in said
