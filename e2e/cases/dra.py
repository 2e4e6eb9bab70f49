"""The DRA test driver: simulated GPUs, allocated by the scheduler and prepared by the kubelet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from e2e.cases.agents import access, daemon_set, load_agent, namespace_of
from e2e.world import Object, World, wait_until

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
    image = load_agent(world, _NAME)
    world.apply(namespace_of(_NAMESPACE), _device_class(), *_access(), namespace=_NAMESPACE)
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
    every = ["get", "list", "watch", "create", "update", "patch", "delete"]
    rules = [
        {"apiGroups": ["resource.k8s.io"], "resources": ["resourceslices"], "verbs": every},
        {"apiGroups": ["resource.k8s.io"], "resources": ["resourceclaims"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]},
    ]
    return access(_NAME, _NAMESPACE, rules)


def _daemon_set(image: str, devices: tuple[Object, ...]) -> Object:
    # The kubelet and the driver exchange paths of sockets, which are the same inside and outside.
    folders = [*_KUBELET, f"{_KUBELET[0]}/{DEVICE_CLASS}"]
    names = [f"folder-{number}" for number in range(len(folders))]
    container = {
        "name": "driver",
        "env": [{"name": "DEVICES", "value": json.dumps(devices)}],
        "volumeMounts": [
            {"name": name, "mountPath": path} for name, path in zip(names, folders, strict=True)
        ],
    }
    pod = {
        "terminationGracePeriodSeconds": 1,
        "volumes": [
            {"name": name, "hostPath": {"path": path, "type": "DirectoryOrCreate"}}
            for name, path in zip(names, folders, strict=True)
        ],
    }
    # Privileged to write where the kubelet and the container runtime look.
    return daemon_set(_NAME, image, container, pod)
