"""The DRA test driver: simulated GPUs, allocated by the scheduler and prepared by the kubelet."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from e2e.world import Object, World, run, wait_until

# The driver's name, and that of the DeviceClass of all its devices.
DEVICE_CLASS = "gpu.fairlead.test"
_NAMESPACE = "fairlead-dra-driver"
_NAME = "dra-driver"
_KUBELET = ("/var/lib/kubelet/plugins", "/var/lib/kubelet/plugins_registry", "/var/run/cdi")


def device(name: str, *, model: str, memory: str) -> Object:
    """A GPU to publish: an attribute `model` and a capacity `memory`, as CEL selectors see them."""
    return {"name": name, "model": model, "memory": memory}


def variable(name: str) -> str:
    """The environment variable by which a container sees that it has this device; its value is the model."""
    return f"FAIRLEAD_TEST_{name.upper().replace('-', '_')}"


@contextmanager
def lending(world: World, *devices: Object) -> Iterator[None]:
    """Each node lends these devices until the body ends; the pods that use them must be gone by then."""
    built = run([sys.executable, "-m", "e2e.cluster", "dra-driver"], env={}, quiet=False).strip()
    load = [sys.executable, "-m", "e2e.cluster", "load", "--name", world.cluster, built]
    image = run(load, env={}, quiet=False).strip()
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}}
    world.apply(namespace, _device_class(), *_access(), namespace=_NAMESPACE)
    world.apply(_daemon_set(image, devices), namespace=_NAMESPACE)
    try:
        wait_until("the devices to be published", lambda: _published(world) >= len(devices), timeout=120)
        yield
    finally:
        # The kubelet removes the slices itself once it has missed the driver for a while.
        world.kubectl("delete", "namespace", _NAMESPACE, "--timeout=120s")
        world.kubectl("delete", "deviceclass", DEVICE_CLASS)
        world.kubectl("delete", "resourceslices", f"--field-selector=spec.driver={DEVICE_CLASS}")
        world.kubectl("delete", "clusterrolebinding,clusterrole", _NAMESPACE)


def _published(world: World) -> int:
    slices = world.get("resourceslices", f"--field-selector=spec.driver={DEVICE_CLASS}").get("items", [])
    return sum(len(item["spec"].get("devices", [])) for item in slices)


def _device_class() -> Object:
    selector = {"cel": {"expression": f"device.driver == '{DEVICE_CLASS}'"}}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": DEVICE_CLASS},
        "spec": {"selectors": [selector]},
    }


def _access() -> list[Object]:
    group, account = "rbac.authorization.k8s.io", {"kind": "ServiceAccount", "name": _NAME}
    every = ["get", "list", "watch", "create", "update", "patch", "delete"]
    rules = [
        {"apiGroups": ["resource.k8s.io"], "resources": ["resourceslices"], "verbs": every},
        {"apiGroups": ["resource.k8s.io"], "resources": ["resourceclaims"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]},
    ]
    metadata = {"name": _NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": _NAME}},
        {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": _NAMESPACE},
            "subjects": [{**account, "namespace": _NAMESPACE}],
        },
    ]


def _daemon_set(image: str, devices: tuple[Object, ...]) -> Object:
    labels = {"app": _NAME}
    # The kubelet and the driver exchange paths of sockets, which are the same inside and outside.
    folders = [*_KUBELET, f"{_KUBELET[0]}/{DEVICE_CLASS}"]
    names = [f"folder-{number}" for number in range(len(folders))]
    container = {
        "name": "driver",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [
            {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {"name": "DEVICES", "value": json.dumps(devices)},
        ],
        # To write where the kubelet and the container runtime look.
        "securityContext": {"privileged": True},
        "volumeMounts": [
            {"name": name, "mountPath": path} for name, path in zip(names, folders, strict=True)
        ],
    }
    pod = {
        "serviceAccountName": _NAME,
        "terminationGracePeriodSeconds": 1,
        "tolerations": [{"operator": "Exists"}],
        "containers": [container],
        "volumes": [
            {"name": name, "hostPath": {"path": path, "type": "DirectoryOrCreate"}}
            for name, path in zip(names, folders, strict=True)
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": _NAME},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
