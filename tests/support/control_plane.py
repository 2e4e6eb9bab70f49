"""A bare Kubernetes control plane: etcd, kube-apiserver and kube-controller-manager, without any node.

Real admission, real server-side apply, real garbage collection, in about five seconds and with no privileges.
There is no scheduler and no kubelet: pods stay Pending, and tests write the status that a kubelet would.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from e2e.cluster import tools
from e2e.cluster.processes import Process
from tests.support.certificates import Identity, write_identity
from tests.support.kubeconfig import write_kubeconfig

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
_START_SECONDS = 90.0


class ControlPlaneError(RuntimeError):
    """A part did not start, or a kubectl call failed; the text says what it printed."""


class ControlPlane:
    """Start with start(), end with stop(); everything it writes is under `folder`.

    `manager_flags` are additional ones of kube-controller-manager.
    """

    def __init__(self, folder: Path, manager_flags: Sequence[str] = ()) -> None:
        self.folder = folder
        self._manager_flags = manager_flags
        self.kubeconfig = folder / "kubeconfig"
        self._port = free_port()
        self._running: dict[str, tuple[subprocess.Popen[bytes], Process]] = {}
        self._programs: dict[str, Path] = {}
        self._identity: Identity | None = None
        self._etcd_port = 0

    @property
    def url(self) -> str:
        """Base URL of the API server."""
        return f"https://127.0.0.1:{self._port}"

    @property
    def pids(self) -> dict[str, int]:
        """The process of each running part."""
        return {name: process.pid for name, (process, _) in self._running.items()}

    @property
    def kubectl_path(self) -> Path:
        """The kubectl that fits this API server."""
        return self._programs["kubectl"]

    def start(self) -> None:
        """Builds the programs if need be, starts all three, and returns when the API answers."""
        self._programs = tools.ensure(PROGRAMS)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._identity = write_identity(self.folder / "pki")
        write_kubeconfig(self.kubeconfig, self.url, self._identity)
        try:
            self._start_etcd()
            self.start_apiserver()
            self._start_controller_manager()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends all three, last started first; returns when they are gone."""
        for name in reversed(list(self._running)):
            self._stop(name)

    def stop_apiserver(self) -> None:
        """Takes the API away, as an outage would; etcd keeps the objects."""
        self._stop("kube-apiserver")

    def start_apiserver(self) -> None:
        """Starts the API server on its port and waits until it is ready."""
        self._launch("kube-apiserver", self._apiserver_flags())
        self._wait_for("kube-apiserver", lambda: self._kubectl("get", "--raw=/readyz").returncode == 0)

    def restart_apiserver(self) -> None:
        """A short outage: every watch is cut, the objects stay."""
        self.stop_apiserver()
        self.start_apiserver()

    def kubectl(self, *args: str, input: str | None = None) -> str:  # noqa: A002 (subprocess calls it so)
        """Runs kubectl as cluster administrator and returns its output. Raises ControlPlaneError."""
        done = self._kubectl(*args, stdin=input)
        if done.returncode:
            raise ControlPlaneError(f"kubectl {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def _kubectl(self, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.kubectl_path, f"--kubeconfig={self.kubeconfig}", *args],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def _start_etcd(self) -> None:
        self._etcd_port, peer_port = free_port(), free_port()
        client = f"http://127.0.0.1:{self._etcd_port}"
        peer = f"http://127.0.0.1:{peer_port}"
        flags = [
            f"--data-dir={self.folder / 'etcd'}",
            # Nothing here outlives the test run, and disks of test machines are slow.
            "--unsafe-no-fsync",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--log-level=warn",
        ]
        self._launch("etcd", flags)
        self._wait_for("etcd", lambda: accepts_connections(self._etcd_port))

    def _apiserver_flags(self) -> list[str]:
        assert self._identity is not None
        identity = self._identity
        return [
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--tls-cert-file={identity.server_cert}",
            f"--tls-private-key-file={identity.server_key}",
            f"--client-ca-file={identity.authority}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={identity.tokens_key}",
            f"--service-account-signing-key-file={identity.tokens_key}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=RBAC",
            "--allow-privileged=true",
            "--endpoint-reconciler-type=none",
            # On by default from 1.35 on; without it the API server drops the images of volumes.
            "--feature-gates=ImageVolume=true",
        ]

    def _start_controller_manager(self) -> None:
        assert self._identity is not None
        flags = [
            f"--kubeconfig={self.kubeconfig}",
            "--leader-elect=false",
            # 0 means: serve nothing. Its health shows in what it does.
            "--secure-port=0",
            f"--root-ca-file={self._identity.authority}",
            f"--service-account-private-key-file={self._identity.tokens_key}",
            "--concurrent-gc-syncs=5",
            # Pods that tests bind are on nodes that are only names; it would remove them after a while.
            "--controllers=*,-pod-garbage-collector-controller",
            *self._manager_flags,
        ]
        self._launch("kube-controller-manager", flags)
        created = ("get", "serviceaccount", "default", "--namespace=default")
        self._wait_for("kube-controller-manager", lambda: self._kubectl(*created).returncode == 0)

    def _launch(self, name: str, flags: Sequence[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            started = subprocess.Popen(
                [*dies_with_parent(), self._programs[name], *flags],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal must not end them before the tests are through with them.
                process_group=0,
            )
        record = Process.of(started.pid, name)
        if record is None:
            raise ControlPlaneError(f"{name} ended at once:\n{self._log_tail(name)}")
        self._running[name] = (started, record)

    def _stop(self, name: str) -> None:
        started, record = self._running.pop(name, (None, None))
        if started is not None and record is not None:
            # The API server would wait for its watchers to leave; etcd has every write, so none is lost.
            record.stop(grace=1)
            started.wait()

    def _wait_for(self, name: str, ready: Callable[[], bool]) -> None:
        end = time.monotonic() + _START_SECONDS
        while not ready():
            if self._running[name][0].poll() is not None:
                raise ControlPlaneError(f"{name} ended while it started:\n{self._log_tail(name)}")
            if time.monotonic() > end:
                tail = self._log_tail(name)
                raise ControlPlaneError(f"{name} is not ready after {_START_SECONDS:.0f} s:\n{tail}")
            time.sleep(0.1)

    def _log_tail(self, name: str) -> str:
        lines = (self.folder / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-20:])


def free_port() -> int:
    """A TCP port of the loopback interface that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def accepts_connections(port: int) -> bool:
    """Whether somebody listens on that port of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def dies_with_parent() -> list[str]:
    """A prefix that makes the kernel end the program when the test run is killed, where there is one."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig=KILL"] if setpriv else []
