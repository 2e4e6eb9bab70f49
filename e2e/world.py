"""A cluster with Fairlead on it, as the demo and the e2e cases see it.

Everything goes through the command lines that a user has too (`python3 -m e2e.cluster`, kubectl, helm), so
that what is proven here is what a user can do. Objects are plain dicts as the API server prints them.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[1]
RELEASE_NAMESPACE = "fairlead-system"
MODELS_CLAIM = "models"

_WHOLE = "-- this is all --"
_EXEC_ATTEMPTS = 3

Object = dict[str, Any]
T = TypeVar("T")


class CommandError(RuntimeError):
    """A command line failed; the message carries the command and what it printed."""


def run(args: list[str], *, env: Mapping[str, str], stdin: bytes | None = None, quiet: bool = True) -> str:
    """Runs a command and returns its standard output.

    With `quiet=False` standard error goes to the terminal as it comes (progress of long steps).
    Raises CommandError on a non-zero exit.
    """
    done = subprocess.run(
        args,
        env={**os.environ, **env},
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if quiet else None,
        cwd=ROOT,
        check=False,
    )
    if done.returncode:
        output = (done.stdout or b"") + (done.stderr or b"")
        raise CommandError(
            f"{shlex.join(args)} exited with {done.returncode}:\n{output.decode(errors='replace')}"
        )
    return done.stdout.decode()


def wait_until(what: str, probe: Callable[[], T | None], *, timeout: float, every: float = 0.3) -> T:
    """Calls `probe` until it returns something true and returns that.

    Raises TimeoutError naming `what` after `timeout` seconds.
    """
    end = time.monotonic() + timeout
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"after {timeout:.0f} s still waiting for {what}")
        time.sleep(every)


def parse_shell_lines(text: str) -> dict[str, str]:
    """Reads `KEY=VALUE` and `export KEY=VALUE` lines as a POSIX shell would, without expansions."""
    values = {}
    for line in text.splitlines():
        key, found, value = line.removeprefix("export ").partition("=")
        if found and key.isidentifier():
            values[key] = " ".join(shlex.split(value))
    return values


@dataclass(frozen=True)
class World:
    """One cluster by name, and the three images that were built for it."""

    cluster: str
    env: Mapping[str, str]
    operator_image: str
    gateway_image: str
    engine_image: str

    def kubectl(self, *args: str, stdin: str | bytes | None = None) -> str:
        """Runs kubectl and returns what it printed. Raises CommandError."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        return run(["kubectl", *args], env=self.env, stdin=data)

    def exec(self, pod: str, *command: str, namespace: str, container: str = "") -> str:
        """What a command prints in a container of a pod. Raises CommandError when it fails.

        The command may run more than once: when its connection breaks, `kubectl exec` loses what comes after
        and still exits with 0 (kubernetes/kubectl#1726). So an answer counts only if it came whole.
        """
        where = ["-n", namespace, pod, *(("-c", container) if container else ())]
        wrapped = ["sh", "-c", f'"$@" && echo {_WHOLE}', "sh", *command]
        error = CommandError(f"{shlex.join(command)} in pod {pod}: the connection broke each time")
        for attempt in range(_EXEC_ATTEMPTS):
            time.sleep(attempt)
            try:
                printed, whole, _ = self.kubectl("exec", *where, "--", *wrapped).rpartition(f"{_WHOLE}\n")
            except CommandError as failure:
                if "command terminated with exit code" in str(failure):
                    raise
                error = failure
                continue
            if whole:
                return printed
        raise error

    def get(self, *args: str) -> Object:
        """`kubectl get ARGS -o json` as a dict; {} where the object does not exist."""
        printed = self.kubectl("get", *args, "--ignore-not-found", "-o", "json")
        found: Object = json.loads(printed) if printed.strip() else {}
        return found

    def apply(self, *objects: Object, namespace: str) -> None:
        """Applies objects by server-side apply into `namespace`."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "-n", namespace, "--server-side", "-f", "-", stdin=json.dumps(items))

    def condition(self, name: str, kind: str, *, namespace: str) -> Object:
        """One condition of a ModelDeployment, {} while there is none."""
        status = self.get("modeldeployment", name, "-n", namespace).get("status", {})
        found: Object = next((c for c in status.get("conditions", []) if c["type"] == kind), {})
        return found

    def load_folder(self, folder: Path, repository: str) -> str:
        """Puts an image with a folder's files onto the nodes; returns the name by which they know it."""
        tool = [sys.executable, "-m", "e2e.cluster"]
        built = run([*tool, "folder-image", str(folder), repository], env={}, quiet=False).strip()
        (name,) = load_images(self.cluster, built)
        return name

    def chart_values(self) -> list[str]:
        """Helm's flags with the images of this world."""
        operator, gateway = _split(self.operator_image), _split(self.gateway_image)
        return _value_flags(
            f"operator.image.repository={operator[0]}",
            f"operator.image.tag={operator[1]}",
            f"gateway.image.repository={gateway[0]}",
            f"gateway.image.tag={gateway[1]}",
            f"engine.image={self.engine_image}",
        )

    def install_chart(self, *values: str) -> None:
        """Installs or upgrades the chart with the images of this world and waits for the operator."""
        flags = [*self.chart_values(), *_value_flags(*values)]
        namespace = ["--namespace", RELEASE_NAMESPACE, "--create-namespace"]
        self._clear_unfinished_release()
        try:
            run(
                [
                    *("helm", "upgrade", "--install", "fairlead", "charts/fairlead"),
                    *(*namespace, *flags, "--wait", "--timeout=5m"),
                ],
                env=self.env,
            )
        except CommandError as error:
            # helm says only that it waited too long.
            state = self.report(
                ["describe", "pods", "-n", RELEASE_NAMESPACE],
                ["logs", "-n", RELEASE_NAMESPACE, "deployment/fairlead-operator", "--tail=20"],
            )
            raise CommandError(f"{error}\n{state}") from error

    def report(self, *commands: list[str]) -> str:
        """What kubectl says to each command, for reading after a failure; one that fails shows its error."""
        parts = []
        for command in commands:
            try:
                output = self.kubectl(*command)
            except CommandError as error:
                output = str(error)
            parts.append(f"--- kubectl {' '.join(command)}\n{output}")
        return "\n".join(parts)

    def _clear_unfinished_release(self) -> None:
        """Removes a release that a killed run left half installed: helm refuses to touch it otherwise."""
        flags = ["--namespace", RELEASE_NAMESPACE, "--all", "--filter", "^fairlead$", "-o", "json"]
        for release in json.loads(run(["helm", "list", *flags], env=self.env)):
            if release["status"].startswith("pending"):
                run(["helm", "uninstall", "fairlead", "-n", RELEASE_NAMESPACE, "--wait"], env=self.env)

    def store_model(self, folder: Path, name: str, *, namespace: str) -> None:
        """Copies a model folder into the claim `models` of `namespace`, as NAME, through a short-lived pod.

        The archive is streamed, so the folder may be larger than memory.
        """
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        self.apply(_models_claim(size), _loader_pod(self.gateway_image), namespace=namespace)
        self.kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod/model-loader", "--timeout=180s")
        unpack = f"rm -rf /models/{name} /tmp/unpacked && tar -x -C /models && touch /tmp/unpacked"
        with subprocess.Popen(
            ["kubectl", "exec", "-n", namespace, "-i", "model-loader", "--", "sh", "-c", unpack],
            env={**os.environ, **self.env},
            stdin=subprocess.PIPE,
        ) as unpacking:
            # Links are followed: model caches are full of them.
            with tarfile.open(fileobj=unpacking.stdin, mode="w|", dereference=True) as archive:
                archive.add(folder, arcname=name)
            if unpacking.stdin:
                unpacking.stdin.close()
        if unpacking.returncode:
            raise CommandError(f"copying {folder} into the claim {MODELS_CLAIM} failed, see above")
        # Whether all of it came: a connection that breaks is no failure to `kubectl exec`.
        self.exec("model-loader", "test", "-e", "/tmp/unpacked", namespace=namespace)
        self.kubectl("delete", "-n", namespace, "pod/model-loader", "--now", "--wait=true")


def open_world(cluster: str, *, with_engine: bool = True) -> World:
    """Makes sure that the named cluster is up with the project's images on its node.

    Both steps are quick when there is nothing to do. Progress goes to standard error. Without `with_engine`
    the engine's image, the largest, is left for load_images().
    """
    tool = [sys.executable, "-m", "e2e.cluster"]
    run([*tool, "prepare"], env={}, quiet=False)
    images = parse_shell_lines(run([*tool, "images", "--print-env"], env={}, quiet=False))
    run([*tool, "up", "--name", cluster], env={}, quiet=False)
    env = parse_shell_lines(run([*tool, "env", "--name", cluster], env={}, quiet=False))
    built = [images[f"FAIRLEAD_{name}_IMAGE"] for name in ("OPERATOR", "GATEWAY", "ENGINE")]
    names = load_images(cluster, *(built if with_engine else built[:2]))
    operator, gateway, engine = [*names, *built[len(names) :]]
    return World(cluster, env, operator_image=operator, gateway_image=gateway, engine_image=engine)


def load_images(cluster: str, *references: str) -> list[str]:
    """Makes images available to the nodes; returns the names by which these know them."""
    load = [sys.executable, "-m", "e2e.cluster", "load", "--name", cluster]
    return run([*load, *references], env={}, quiet=False).split()


def close_world(cluster: str) -> None:
    """Removes the cluster and whatever was started for it."""
    run([sys.executable, "-m", "e2e.cluster", "down", "--name", cluster], env={}, quiet=False)


def _value_flags(*values: str) -> list[str]:
    return [part for value in values for part in ("--set-string", value)]


def _split(image: str) -> tuple[str, str]:
    repository, _, tag = image.rpartition(":")
    return repository, tag


def _models_claim(size: int) -> Object:
    """A claim of the default storage class with room for `size` bytes, at least 1 GiB."""
    gibibytes = 1 + size * 11 // 10 // 2**30
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": MODELS_CLAIM},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": f"{gibibytes}Gi"}},
        },
    }


def _loader_pod(image: str) -> Object:
    """A pod that sleeps beside the claim so that `kubectl exec` can unpack into it."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "model-loader"},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "loader",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sleep", "3600"],
                    "volumeMounts": [{"name": "models", "mountPath": "/models"}],
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
            "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": MODELS_CLAIM}}],
        },
    }
