"""Clusters by kind: create, keep, load images, delete. Each has a kubeconfig of its own, never the user's."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from e2e.cluster import engine, paths, tools, versions
from e2e.cluster.docker import Docker
from e2e.cluster.locks import only_one
from e2e.cluster.progress import say
from e2e.cluster.shell import ClusterError, CommandError, run, succeeds

DEMO = "fairlead-demo"
NODE_PORT = 30080
TOOLS = ("kind", "kubectl", "helm")
_ID_LABEL = "fairlead.dev/image-id"
# The engine's image takes as long as all the others: they come beside it.
_LOADS_AT_ONCE = 3
_KUBELET_OF_OUR_NODE = {
    # The machine may be one of those that still have cgroup v1.
    "failCgroupV1": False,
    # In a container the kubelet cannot determine the size of its root file system.
    "localStorageCapacityIsolation": False,
}
_OUR_NODE: dict[str, Any] = {
    # The node image has a bridge of its own.
    "networking": {"disableDefaultCNI": True},
    # On by default in the Kubernetes of kind's own image.
    "featureGates": {"ImageVolume": True},
}


def up(docker: Docker, name: str, node_image: str) -> None:
    """Makes sure that a Ready cluster of that name exists; keeps a healthy one, replaces any other."""
    with only_one(f"cluster-{name}"):
        if healthy(docker, name):
            say(f"cluster {name}: up already")
            return
        if docker.containers(f"{engine.NODE_LABEL}={name}"):
            say(f"cluster {name}: removing what an earlier run left")
            delete(docker, name)
        _create(docker, name, node_image)


def healthy(docker: Docker, name: str) -> bool:
    """Whether the cluster's API answers and its node is Ready."""
    kubeconfig = kubeconfig_file(name)
    if not kubeconfig.exists() or not docker.containers(f"{engine.NODE_LABEL}={name}"):
        return False
    wait = ["wait", "--for=condition=Ready", "nodes", "--all", "--timeout=10s"]
    return succeeds([_tool("kubectl"), f"--kubeconfig={kubeconfig}", *wait], timeout=30)


def delete(docker: Docker | None, name: str) -> None:
    """Removes the cluster's containers and files; without an engine just the files."""
    if docker is not None and docker.containers(f"{engine.NODE_LABEL}={name}"):
        say(f"cluster {name}: deleting")
        run([_tool("kind"), "delete", "cluster", f"--name={name}", *_kubeconfig_flag(name)], env=docker.env)
    shutil.rmtree(paths.cluster_dir(name), ignore_errors=True)


def names(docker: Docker | None) -> list[str]:
    """The clusters in the engine that these scripts made: those of which there is a folder, and a node."""
    known = paths.cluster_dir("x").parent
    folders = sorted(folder.name for folder in known.iterdir()) if known.exists() else []
    if docker is not None and docker.own:
        listed = docker("ps", "--all", f"--filter=label={engine.NODE_LABEL}", f"--format={_CLUSTER_FORMAT}")
        return sorted({*folders, *listed.split()})
    return folders


def load(docker: Docker, name: str, images: list[str]) -> None:
    """Puts images of the engine onto the cluster's node, except for those that it has, by image id."""
    nodes = docker.containers(f"{engine.NODE_LABEL}={name}")
    if not nodes:
        raise ClusterError(
            f"there is no cluster {name}; make it with `python3 -m e2e.cluster up --name {name}`"
        )
    with ThreadPoolExecutor(_LOADS_AT_ONCE) as pool:
        for done in [pool.submit(_load_one, docker, node, image) for image in images for node in nodes]:
            done.result()


def kubeconfig_file(name: str) -> Path:
    """The kubeconfig of a cluster."""
    return paths.cluster_dir(name) / "kubeconfig"


def canonical(reference: str) -> str:
    """The full name under which containerd knows what Docker calls `reference`."""
    first, slash, _ = reference.partition("/")
    has_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    named = reference if has_host else f"docker.io/{reference if slash else f'library/{reference}'}"
    return named if ":" in named.rpartition("/")[2] or "@" in named else f"{named}:latest"


def config(name: str, node_image: str, *, host_port: int | None) -> dict[str, Any]:
    """kind's configuration of a cluster with one node. JSON is YAML, so no YAML library is needed."""
    node: dict[str, Any] = {"role": "control-plane", "image": node_image}
    if host_port is not None:
        mapping = {
            "containerPort": NODE_PORT,
            "hostPort": host_port,
            "listenAddress": "127.0.0.1",
            "protocol": "TCP",
        }
        node["extraPortMappings"] = [mapping]
    kubelet: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        # Mounted ConfigMaps and Secrets are renewed this often, instead of every minute.
        "syncFrequency": "10s",
    }
    cluster: dict[str, Any] = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": name,
        "nodes": [node],
    }
    if node_image != versions.PUBLIC_NODE_IMAGE:
        kubelet |= _KUBELET_OF_OUR_NODE
        cluster |= _OUR_NODE
    return {**cluster, "kubeadmConfigPatches": [json.dumps(kubelet)]}


def host_port(name: str) -> int | None:
    """The port of 127.0.0.1 that leads to the node port: the demo's only, two clusters cannot share one."""
    return int(os.environ.get("FAIRLEAD_DEMO_PORT", "18080")) if name == DEMO else None


_CLUSTER_FORMAT = f'{{{{.Label "{engine.NODE_LABEL}"}}}}'
_CTR = ("ctr", "--namespace=k8s.io")
_IMPORT = ("images", "import", "--all-platforms", "--digests", "--snapshotter=overlayfs", "-")


def _create(docker: Docker, name: str, node_image: str) -> None:
    port = host_port(name)
    if port is not None and not _free(port):
        raise ClusterError(f"port {port} of 127.0.0.1 is taken; set FAIRLEAD_DEMO_PORT to a free one")
    folder = paths.cluster_dir(name)
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "kind.json"
    settings.write_text(json.dumps(config(name, node_image, host_port=port), indent=1))
    kind, kubectl = _tool("kind"), _tool("kubectl")
    say(f"cluster {name}: creating ({node_image})")
    create = ["create", "cluster", f"--name={name}", f"--config={settings}", "--wait=180s"]
    try:
        run([kind, *create, *_kubeconfig_flag(name)], env=docker.env, timeout=600)
    except CommandError as error:
        raise ClusterError(f"kind could not create {name}: {error}") from error
    finally:
        engine.record_bridges(docker)
    # kind's --wait gives up silently; the node must be Ready, and the default service account there.
    ready = ["wait", "--for=condition=Ready", "nodes", "--all", "--timeout=120s"]
    run([kubectl, f"--kubeconfig={kubeconfig_file(name)}", *ready])
    account = ["wait", "--for=create", "serviceaccount/default", "--namespace=default", "--timeout=60s"]
    run([kubectl, f"--kubeconfig={kubeconfig_file(name)}", *account])


def _load_one(docker: Docker, node: str, image: str) -> None:
    identity = docker.image_id(image)
    if identity is None:
        raise ClusterError(f"{image} is not in the engine's store; build or pull it first")
    if _has(docker, node, image, identity):
        say(f"{node} has {image}")
        return
    start = time.monotonic()
    say(f"loading {image} onto {node}")
    docker.stream_image(image, ["exec", "--interactive", node, *_CTR, *_IMPORT])
    docker("exec", node, *_CTR, "images", "label", canonical(image), f"{_ID_LABEL}={identity}")
    say(f"loaded {image}: {time.monotonic() - start:.1f} s")


def _has(docker: Docker, node: str, image: str, identity: str) -> bool:
    try:
        listed = docker("exec", node, *_CTR, "images", "ls", f"name=={canonical(image)}")
    except CommandError:
        return False
    return f"{_ID_LABEL}={identity}" in listed


def _kubeconfig_flag(name: str) -> list[str]:
    return [f"--kubeconfig={kubeconfig_file(name)}"]


def _tool(name: str) -> Path:
    return tools.ensure([name])[name]


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
