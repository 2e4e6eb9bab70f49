"""The node as scheduling cases need it: GPUs that are only advertised, taints, labels, and evictions.

The scheduler only counts a GPU's resource, so advertising it is enough. That is how Kubernetes documents
extended resources, and what a device plugin makes the kubelet do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from e2e.world import Object, World, run


def node_name(world: World) -> str:
    """The node whose resources the cases change: the first one."""
    name: str = world.get("nodes")["items"][0]["metadata"]["name"]
    return name


def advertise(world: World, resources: Mapping[str, int | None]) -> None:
    """Sets how much of each extended resource the node has; None takes it away."""
    amounts = {name: None if count is None else str(count) for name, count in resources.items()}
    # The kubelet would copy capacity to allocatable with its next report, within ten seconds.
    patch = {"status": {"capacity": amounts, "allocatable": amounts}}
    words = ["patch", "node", node_name(world), "--subresource=status", "--type=merge"]
    world.kubectl(*words, "-p", json.dumps(patch))


@contextmanager
def advertised(world: World, resources: Mapping[str, int]) -> Iterator[None]:
    """The node has these extended resources while the body runs."""
    advertise(world, resources)
    try:
        yield
    finally:
        advertise(world, dict.fromkeys(resources))


@contextmanager
def tainted(world: World, key: str) -> Iterator[None]:
    """The node has a taint KEY=present:NoSchedule while the body runs."""
    name = node_name(world)
    world.kubectl("taint", "node", name, f"{key}=present:NoSchedule")
    try:
        yield
    finally:
        world.kubectl("taint", "node", name, f"{key}-")


@contextmanager
def labelled(world: World, label: str) -> Iterator[None]:
    """The node has the label KEY=VALUE while the body runs."""
    name = node_name(world)
    world.kubectl("label", "node", name, label)
    try:
        yield
    finally:
        world.kubectl("label", "node", name, f"{label.partition('=')[0]}-")


@contextmanager
def existing(world: World, *objects: Object, namespace: str) -> Iterator[None]:
    """These objects exist while the body runs, in the namespace where they are namespaced."""
    world.apply(*objects, namespace=namespace)
    try:
        yield
    finally:
        for item in objects:
            kind, name = item["kind"], item["metadata"]["name"]
            world.kubectl("delete", "-n", namespace, kind, name, "--ignore-not-found")


def evict(world: World, pod: str, *, namespace: str) -> None:
    """Evicts a pod as `kubectl drain` does. Raises CommandError where a budget forbids it."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
    command = ["kubectl", "create", "--raw", path, "-f", "-"]
    run(command, env=world.env, stdin=json.dumps(body).encode())


def quota(name: str, **hard: int) -> Object:
    """A ResourceQuota over its namespace: how much its pods may request in total."""
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": name},
        "spec": {"hard": {key: str(value) for key, value in hard.items()}},
    }


def priority_class(name: str, value: int) -> Object:
    """A PriorityClass. Its pods preempt no others: the cluster is shared by all cases."""
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": value,
        "preemptionPolicy": "Never",
    }


def runtime_class(name: str) -> Object:
    """A RuntimeClass for the container runtime's usual handler, which containerd and CRI-O call runc."""
    return {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": name},
        "handler": "runc",
    }
