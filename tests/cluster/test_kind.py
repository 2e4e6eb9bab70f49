"""The configuration of kind, and the names by which images are found again on a node."""

from __future__ import annotations

import json

import pytest

from e2e.cluster import kind, storage, versions
from e2e.cluster.baseimage import mirror


def test_a_self_built_node_has_its_own_network_and_runs_on_both_cgroup_versions() -> None:
    config = kind.config("c", "localhost/fairlead/node:x", host_port=None)

    assert config["networking"] == {"disableDefaultCNI": True}
    assert json.loads(config["kubeadmConfigPatches"][0])["failCgroupV1"] is False


def test_kinds_own_node_image_differs_only_in_mounts_and_sync_period() -> None:
    config = kind.config("c", versions.PUBLIC_NODE_IMAGE, host_port=None)

    assert set(config) == {"kind", "apiVersion", "name", "nodes", "kubeadmConfigPatches"}
    (patch,) = config["kubeadmConfigPatches"]
    assert json.loads(patch).keys() == {"apiVersion", "kind", "syncFrequency"}


def test_the_node_port_is_reachable_from_this_machine_only() -> None:
    config = kind.config("c", "image", host_port=18080)

    (mapping,) = config["nodes"][0]["extraPortMappings"]
    assert (mapping["listenAddress"], mapping["hostPort"], mapping["containerPort"]) == (
        "127.0.0.1",
        18080,
        30080,
    )


def test_only_the_demo_binds_a_host_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRLEAD_DEMO_PORT", "20000")

    assert kind.host_port("fairlead-demo") == 20000
    assert kind.host_port("fairlead-e2e") is None


@pytest.mark.parametrize(
    ("reference", "full"),
    [
        ("fairlead/operator:abc", "docker.io/fairlead/operator:abc"),
        ("busybox", "docker.io/library/busybox:latest"),
        ("localhost/fairlead/node:v1", "localhost/fairlead/node:v1"),
        ("registry.example:5000/x", "registry.example:5000/x:latest"),
    ],
)
def test_images_have_containerds_name_on_the_node(reference: str, full: str) -> None:
    assert kind.canonical(reference) == full


def test_claims_of_the_default_storage_class_get_volumes() -> None:
    documents = [json.loads(text) for text in storage.manifest().split("\n---\n")]

    (storage_class,) = [item for item in documents if item["kind"] == "StorageClass"]
    volumes = [item for item in documents if item["kind"] == "PersistentVolume"]
    assert storage_class["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
    assert len({item["spec"]["hostPath"]["path"] for item in volumes}) == storage.VOLUMES
    assert {item["spec"]["storageClassName"] for item in volumes} == {storage_class["metadata"]["name"]}


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ("deb http://mirror.example/debian bookworm main\n", "http://mirror.example/debian"),
        ("deb [signed-by=/k.gpg] https://m.example/debian/ bookworm main\n", "https://m.example/debian"),
        ("Types: deb\nURIs: http://d.example/debian\nSuites: bookworm\n", "http://d.example/debian"),
        ("deb http://archive.ubuntu.com/ubuntu noble main\n", "http://deb.debian.org/debian"),
    ],
)
def test_the_base_image_comes_from_the_configured_mirror(sources: str, expected: str) -> None:
    assert mirror(sources) == expected
