"""`make dev`: the working tree's code as it is edited, without an image.

With the demo's cluster up, its operator is stopped and one from the working tree does its work, in this
terminal, until Ctrl-C. Without a cluster the models run on this machine: `fairlead run`, with ARGS.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from e2e.demo import CLUSTER, DEMO_DIR
from e2e.world import RELEASE_NAMESPACE, ROOT, CommandError, parse_shell_lines, run

_DEPLOYMENT = "fairlead-operator"
_NODE = f"{CLUSTER}-control-plane"
# Where the API server of a kind node listens, as the node sees it; its certificate has the address.
_API_SERVER = "https://127.0.0.1:6443"
_HEALTH_PORT = "FAIRLEAD_HEALTH_PORT"


def main(arguments: Sequence[str]) -> int:
    """Runs the operator, or the models, from the working tree; returns the exit code."""
    env = _cluster()
    if env is None:
        print(
            "No demo cluster is up (`make demo` makes one): running the models on this machine.", flush=True
        )
        return _in_foreground([*_fairlead("run"), *(arguments or ["--demo"])], {})
    try:
        with _operator_stopped(env):
            print(
                "The operator of the working tree runs; Ctrl-C gives its work back to the cluster's.",
                flush=True,
            )
            return _in_foreground([*_in_network_of_node(env), *_fairlead("operator")], _settings(env))
    except CommandError as error:
        print(f"make dev stopped: {error}", file=sys.stderr)
        return 1


def operator_environment(deployment: Mapping[str, Any]) -> dict[str, str]:
    """The variables of the operator's Deployment, with which one outside of it behaves the same."""
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    values = {item["name"]: item["value"] for item in container["env"] if "value" in item}
    # Its own port: the node's network has others.
    values.pop(_HEALTH_PORT, None)
    return {**values, "FAIRLEAD_POD_NAMESPACE": deployment["metadata"]["namespace"], _HEALTH_PORT: "18081"}


def _cluster() -> Mapping[str, str] | None:
    """The variables with which kubectl reaches the demo's cluster, None if it is not up."""
    tool = [sys.executable, "-m", "e2e.cluster"]
    if not (DEMO_DIR / "env").exists():
        return None
    env = parse_shell_lines(run([*tool, "env", "--name", CLUSTER], env={}, quiet=False))
    try:
        run(["kubectl", "get", "--raw=/readyz", "--request-timeout=5s"], env=env)
    except CommandError:
        return None
    return env


@contextmanager
def _operator_stopped(env: Mapping[str, str]) -> Iterator[None]:
    """Without the cluster's operator during the body: there is one Lease."""
    scale = ["kubectl", "scale", f"deployment/{_DEPLOYMENT}", "-n", RELEASE_NAMESPACE]
    run([*scale, "--replicas=0"], env=env)
    try:
        yield
    finally:
        run([*scale, "--replicas=1"], env=env)


def _settings(env: Mapping[str, str]) -> dict[str, str]:
    """What the operator finds in its container, and a kubeconfig that is valid in the node's network."""
    get = ["kubectl", "get", f"deployment/{_DEPLOYMENT}", "-n", RELEASE_NAMESPACE, "-o", "json"]
    kubeconfig = DEMO_DIR / "kubeconfig-of-node"
    _private(kubeconfig, run(["kubectl", "config", "view", "--minify", "--raw", "-o", "json"], env=env))
    cluster = ["kubectl", "config", f"--kubeconfig={kubeconfig}", "set-cluster", f"kind-{CLUSTER}"]
    run([*cluster, f"--server={_API_SERVER}"], env=env)
    return {**operator_environment(json.loads(run(get, env=env))), "KUBECONFIG": str(kubeconfig)}


def _in_network_of_node(env: Mapping[str, str]) -> list[str]:
    """What runs a command where pods' ports are within reach: the operator asks each pod how it is."""
    if os.geteuid() != 0 or sys.platform != "linux":
        raise CommandError(
            "pods are within reach from the node's network only, which takes root on Linux. Instead, `make "
            "demo` builds the images of what has changed and upgrades the chart"
        )
    pid = run(["docker", "inspect", "--format={{.State.Pid}}", _NODE], env=env).strip()
    return ["nsenter", f"--net=/proc/{pid}/ns/net"]


def _fairlead(command: str) -> list[str]:
    return [sys.executable, "-m", "fairlead_operator", command]


def _in_foreground(command: Sequence[str], env: Mapping[str, str]) -> int:
    """Runs a command that has this terminal, so that `breakpoint()` works; Ctrl-C is its own."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **env},
            check=False,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ).returncode
    finally:
        signal.signal(signal.SIGINT, before)


def _private(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
