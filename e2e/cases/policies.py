"""NetworkPolicies that are enforced, and pods in namespaces of their own that try to connect."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from e2e.cases.agents import access, daemon_set, load_agent, namespace_of
from e2e.world import Object, World, wait_until

_AGENT = "policy-agent"
_AGENT_NAMESPACE = "fairlead-policy-agent"
# A refused packet is dropped, so that only time shows it. A connection that is allowed takes milliseconds.
_CONNECT_SECONDS = 3
_CONNECT = f"""
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor

def opens(address):
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout={_CONNECT_SECONDS}).close()
    except OSError:
        return False
    return True

with ThreadPoolExecutor(16) as pool:
    print(json.dumps(list(pool.map(opens, sys.argv[1:]))))
"""
_GET = """
import sys, urllib.request
print(urllib.request.urlopen(f"http://{sys.argv[1]}", timeout=30).read().decode())
"""


@contextmanager
def enforced(world: World) -> Iterator[None]:
    """The cluster enforces NetworkPolicies while the body runs. A user's own cluster must do so itself."""
    if not _needs_agent(world):
        yield
        return
    image = load_agent(world, _AGENT)
    world.apply(namespace_of(_AGENT_NAMESPACE), *_access(), namespace=_AGENT_NAMESPACE)
    world.apply(_daemon_set(image), namespace=_AGENT_NAMESPACE)
    try:
        rollout = ["rollout", "status", f"daemonset/{_AGENT}", "--timeout=120s"]
        world.kubectl("-n", _AGENT_NAMESPACE, *rollout)
        yield
    finally:
        # Its rules go with it: it takes them back when it ends.
        world.kubectl("delete", "namespace", _AGENT_NAMESPACE, "--timeout=120s")
        world.kubectl("delete", "clusterrolebinding,clusterrole", _AGENT_NAMESPACE)


@dataclass(frozen=True)
class Prober:
    """A pod that does nothing but connect, in a namespace of its own and of the same name."""

    world: World
    name: str

    def opens(self, addresses: Mapping[str, str]) -> dict[str, bool]:
        """Which of these named addresses (HOST:PORT) accept a connection from here."""
        printed = self._python(_CONNECT, *addresses.values())
        return dict(zip(addresses, json.loads(printed), strict=True))

    def wait_open(self, addresses: Mapping[str, str], expected: set[str]) -> None:
        """Waits until exactly the `expected` ones accept a connection: policies take effect with a delay."""
        seen: dict[str, bool] = {}

        def settled() -> bool:
            seen.update(self.opens(addresses))
            return {name for name, open_ in seen.items() if open_} == expected

        try:
            wait_until("the connections", settled, timeout=60)
        except TimeoutError:
            raise AssertionError(f"from {self.name}: {seen}, expected open: {sorted(expected)}") from None

    def get(self, url: str) -> str:
        """The body at HOST:PORT/PATH. Raises CommandError where there is none."""
        return self._python(_GET, url)

    def _python(self, script: str, *args: str) -> str:
        return self.world.exec(self.name, "python3", "-c", script, *args, namespace=self.name)


@contextmanager
def prober(world: World, name: str) -> Iterator[Prober]:
    """A running Prober; its namespace goes with it."""
    world.apply(namespace_of(name), namespace=name)
    try:
        world.apply(_prober_pod(name, world.gateway_image), namespace=name)
        world.kubectl("wait", "-n", name, "--for=condition=Ready", f"pod/{name}", "--timeout=120s")
        yield Prober(world, name)
    finally:
        world.kubectl("delete", "namespace", name, "--wait=false")


def _needs_agent(world: World) -> bool:
    """Whether the node was made here: kind's public node image has kindnet, which enforces policies."""
    if os.environ.get("FAIRLEAD_CLUSTER", "kind") != "kind":
        return False
    return not world.get("daemonset", "kindnet", "-n", "kube-system")


def _access() -> list[Object]:
    look = ["get", "list", "watch"]
    rules = [
        {"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": look},
        {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": look},
    ]
    return access(_AGENT, _AGENT_NAMESPACE, rules)


def _daemon_set(image: str) -> Object:
    container = {"name": "agent", "volumeMounts": [{"name": "node", "mountPath": "/node"}]}
    pod = {"hostNetwork": True, "volumes": [{"name": "node", "hostPath": {"path": "/"}}]}
    # Privileged to change the node's packet filter, and to decide on its packets.
    return daemon_set(_AGENT, image, container, pod)


def _prober_pod(name: str, image: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {
                    "name": "prober",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sleep", "infinity"],
                }
            ],
        },
    }
