"""Programs that tests run on each node of the cluster, with rights of their own: one DaemonSet each.

Each has a namespace, whose name its ClusterRole has too.
"""

from __future__ import annotations

import sys

from e2e.world import Object, World, load_images, run

_GROUP = "rbac.authorization.k8s.io"


def load_agent(world: World, name: str) -> str:
    """Builds the program's image if it is missing, and puts it on the nodes; returns its name there."""
    built = run([sys.executable, "-m", "e2e.cluster", name], env={}, quiet=False).strip()
    (image,) = load_images(world.cluster, built)
    return image


def namespace_of(name: str) -> Object:
    """A namespace of this name."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def access(name: str, namespace: str, rules: list[Object]) -> list[Object]:
    """The program's ServiceAccount, and what it may do in the whole cluster."""
    metadata = {"name": namespace}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}},
        {"apiVersion": f"{_GROUP}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{_GROUP}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": namespace},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        },
    ]


def daemon_set(name: str, image: str, container: Object, pod: Object) -> Object:
    """The program on each node, also on tainted ones, and privileged. `container` and `pod` are further
    fields; the program's variable NODE_NAME is set.
    """
    node = {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    usual = {
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {"privileged": True},
    }
    own = {"env": [node, *container.get("env", [])]}
    labels = {"app": name}
    spec = {
        "serviceAccountName": name,
        "tolerations": [{"operator": "Exists"}],
        "containers": [usual | container | own],
    }
    template = {"metadata": {"labels": labels}, "spec": spec | pod}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
