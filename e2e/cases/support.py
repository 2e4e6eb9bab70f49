"""What the cluster cases share: manifests, the SDK in a pod, and the state printed after a failure."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from typing import Any

from e2e.world import RELEASE_NAMESPACE, Object, World, run, wait_until

NAMESPACE = "e2e"
READY_SECONDS = 600


def model(name: str, **spec: Any) -> Object:
    """A ModelDeployment of the tiny model on CPU; `spec` replaces whole top-level fields."""
    return {
        "apiVersion": "fairlead.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        "spec": {
            "model": {"source": "pvc://models/tiny"},
            "engine": engine(),
            "resources": {"requests": {"cpu": "100m", "memory": "1Gi"}, "limits": {"memory": "6Gi"}},
            **spec,
        },
    }


def sleeper(name: str, *, pod: Object | None = None, **spec: Any) -> Object:
    """A ModelDeployment whose pod is placed like any other and then only sleeps: no engine is started.

    `pod` has further fields of the pod's spec.
    """
    # What the operator gives as arguments comes after the script, which ignores it.
    container = {"name": "vllm", "command": ["sh", "-c", "exec sleep infinity"]}
    template = {"spec": {"terminationGracePeriodSeconds": 1, "containers": [container], **(pod or {})}}
    return model(name, podTemplate=template, **spec)


def engine(*args: str) -> Object:
    """spec.engine for vLLM on two shared cores, with further engine arguments."""
    env = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
    return {
        "args": ["--enforce-eager", *args],
        "env": [{"name": name, "value": value} for name, value in env.items()],
    }


def wait_ready(world: World, name: str) -> None:
    """Waits until the model is Ready as `kubectl wait` sees it, failing at once when it is Stalled."""

    def settled() -> str | None:
        if world.condition(name, "Ready", namespace=NAMESPACE).get("status") == "True":
            return "ready"
        stalled = world.condition(name, "Stalled", namespace=NAMESPACE)
        return f"{stalled['reason']}: {stalled['message']}" if stalled.get("status") == "True" else None

    outcome = wait_until(f"modeldeployment/{name} to be Ready", settled, timeout=READY_SECONDS)
    assert outcome == "ready", outcome


def wait_condition(
    world: World, name: str, kind: str, *, timeout: float = 120, every: float = 1.0, **wanted: str
) -> Object:
    """Waits until the model's condition `kind` has the wanted `status` or `reason`, and returns it."""

    def found() -> Object | None:
        condition = world.condition(name, kind, namespace=NAMESPACE)
        return condition if wanted.items() <= condition.items() else None

    what = f"condition {kind} of modeldeployment/{name} to have {wanted}"
    return wait_until(what, found, timeout=timeout, every=every)


class Client:
    """The official OpenAI SDK in a pod: the engine's image carries it, so no other image is needed."""

    POD = "sdk-client"

    def __init__(self, world: World) -> None:
        self._world = world

    def start(self) -> None:
        """Starts the pod and waits until scripts can run in it."""
        self._world.apply(_client_pod(self.POD, self._world.engine_image), namespace=NAMESPACE)
        self._world.kubectl(
            "wait", "-n", NAMESPACE, "--for=condition=Ready", f"pod/{self.POD}", "--timeout=300s"
        )

    def stop(self) -> None:
        """Removes the pod."""
        self._world.kubectl("delete", "-n", NAMESPACE, f"pod/{self.POD}", "--now", "--wait=false")

    def run(self, name: str, script: str) -> Any:
        """Runs a Python script with `client` (an OpenAI client of model NAME's Service) and `MODEL` in scope.

        Returns what the script's last printed line says, as JSON.
        """
        printed = run(self._command(name, script, name), env=self._world.env)
        return json.loads(printed.strip().splitlines()[-1])

    def spawn(
        self, name: str, script: str, *, address: str = "", interactive: bool = False
    ) -> subprocess.Popen[str]:
        """Starts a script as `run` does and returns the process, whose standard output is a pipe.

        With an `address` (HOST:PORT) `client` speaks to one pod instead of the Service. With `interactive`
        standard input is a pipe too.
        """
        command = self._command(name, script, address or name)
        if interactive:
            command.insert(2, "-i")
        return subprocess.Popen(
            command,
            env={**os.environ, **self._world.env},
            stdin=subprocess.PIPE if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _command(self, name: str, script: str, host: str) -> list[str]:
        head = (
            "import json\nfrom openai import OpenAI\n"
            f"MODEL, URL = {name!r}, {f'http://{host}/v1'!r}\n"
            "client = OpenAI(base_url=URL, api_key='none', max_retries=0, timeout=300)\n"
        )
        program = head + textwrap.dedent(script)
        return ["kubectl", "exec", "-n", NAMESPACE, self.POD, "--", "python3", "-u", "-c", program]


def children(world: World, name: str) -> list[str]:
    """KIND/NAME of every namespaced object that carries the model's label, pods included."""
    kinds = "deployments,replicasets,services,configmaps,serviceaccounts,pods,endpointslices"
    return sorted(f"{item['kind']}/{item['metadata']['name']}" for item in owned(world, kinds, name))


def owned(world: World, kinds: str, name: str) -> list[Object]:
    """The objects of these kinds (`pods`, `pods,services`) that carry the model's label."""
    # kubectl prints nothing at all where it would print an empty list.
    found: list[Object] = world.get(kinds, "-n", NAMESPACE, "-l", f"fairlead.dev/model={name}").get(
        "items", []
    )
    return found


def print_state(world: World) -> None:
    """Prints what explains most failures; never fails itself."""
    commands = [
        ["get", "modeldeployments,deployments,pods,events", "-n", NAMESPACE, "-o", "wide"],
        ["describe", "modeldeployments", "-n", NAMESPACE],
        [
            "logs",
            "-n",
            NAMESPACE,
            "-l",
            "app.kubernetes.io/component=engine",
            "--all-containers",
            "--tail=60",
        ],
        ["logs", "-n", RELEASE_NAMESPACE, "deployment/fairlead-operator", "--tail=60"],
        ["logs", "-n", RELEASE_NAMESPACE, "-l", "app.kubernetes.io/component=router", "--tail=40"],
    ]
    print(world.report(*commands))


def _client_pod(name: str, image: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {
                    "name": "client",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sleep", "infinity"],
                }
            ],
        },
    }
