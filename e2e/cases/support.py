"""Helpers of the cluster cases: manifests, waiting for a state, and the state printed after a failure."""

from __future__ import annotations

from typing import Any

from e2e.world import RELEASE_NAMESPACE, Object, World, wait_until

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
    command = ["sh", "-c", "exec sleep infinity"]
    # No request comes, so a drain would wait for nothing.
    hook = {"preStop": {"exec": {"command": ["true"]}}}
    container = {"name": "vllm", "command": command, "lifecycle": hook}
    template = {"spec": {"terminationGracePeriodSeconds": 1, "containers": [container], **(pod or {})}}
    return model(name, podTemplate=template, **spec)


def engine(*args: str) -> Object:
    """spec.engine for vLLM on two shared cores, with further engine arguments."""
    env = {
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        # The model is too small to share: more threads only wait for each other, on cores that others need.
        "OMP_NUM_THREADS": "1",
        # By default a process of its own computes for each GPU. One less to start, and to import vLLM.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    }
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


def wait_condition(world: World, name: str, kind: str, *, timeout: float = 120, **wanted: str) -> Object:
    """Waits until the model's condition `kind` has the expected `status` or `reason`, and returns it."""

    def found() -> Object | None:
        condition = world.condition(name, kind, namespace=NAMESPACE)
        return condition if wanted.items() <= condition.items() else None

    what = f"condition {kind} of modeldeployment/{name} to have {wanted}"
    return wait_until(what, found, timeout=timeout)


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


def staying_pods(world: World, name: str) -> list[Object]:
    """The model's pods that are not on their way out, oldest first."""
    alive = [pod for pod in owned(world, "pods", name) if not pod["metadata"].get("deletionTimestamp")]
    return sorted(alive, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))


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
