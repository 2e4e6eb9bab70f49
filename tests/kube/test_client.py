"""The client before a real API server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fairlead_operator.api.names import FIELD_MANAGER
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.connection import open_api_client
from fairlead_operator.kube.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from fairlead_operator.kube.leader import LeaderElector
from fairlead_operator.kube.ratelimit import TokenBucket
from fairlead_operator.kube.resources import CONFIG_MAP, MODEL_DEPLOYMENT, SERVICE
from tests.kube.support import ControlPlane, Object, manifest

pytestmark = pytest.mark.apiserver


def config_map(namespace: str, name: str = "one", **data: str) -> Object:
    metadata = {"name": name, "namespace": namespace, "labels": {"app": "test"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


async def test_apply_creates_fields_and_removes_those_it_later_omits(
    kube: KubeClient, namespace: str
) -> None:
    await kube.apply(config_map(namespace, a="1", b="2"))
    stored = await kube.apply(config_map(namespace, a="1"))
    assert stored["data"] == {"a": "1"}


async def test_apply_leaves_the_fields_of_others_alone(kube: KubeClient, namespace: str) -> None:
    await kube.apply(config_map(namespace, a="1"))
    await kube.patch(CONFIG_MAP, namespace, "one", {"data": {"theirs": "x"}})
    stored = await kube.apply(config_map(namespace, a="2"))
    assert stored["data"] == {"a": "2", "theirs": "x"}
    assert FIELD_MANAGER in [entry["manager"] for entry in stored["metadata"]["managedFields"]]


async def test_applying_an_unchanged_object_changes_nothing(kube: KubeClient, namespace: str) -> None:
    first = await kube.apply(config_map(namespace, a="1"))
    second = await kube.apply(config_map(namespace, a="1"))
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


async def test_items_of_a_list_carry_their_type(kube: KubeClient, namespace: str) -> None:
    await kube.apply(config_map(namespace))
    found = await kube.list(CONFIG_MAP, namespace, "app=test")
    assert [(item["apiVersion"], item["kind"], item["metadata"]["name"]) for item in found] == [
        ("v1", "ConfigMap", "one")
    ]


async def test_reading_a_missing_object_raises_not_found(kube: KubeClient, namespace: str) -> None:
    with pytest.raises(NotFoundError, match='services "none" not found'):
        await kube.get(SERVICE, namespace, "none")


async def test_creating_an_existing_object_raises_conflict(kube: KubeClient, namespace: str) -> None:
    await kube.create(CONFIG_MAP, namespace, config_map(namespace))
    with pytest.raises(ConflictError):
        await kube.create(CONFIG_MAP, namespace, config_map(namespace))


async def test_creating_an_object_that_violates_the_schema_raises_invalid(
    kube: KubeClient, namespace: str
) -> None:
    with pytest.raises(InvalidError, match="data"):
        await kube.apply({**config_map(namespace), "data": {"no/slash": "x"}})


async def test_a_deletion_by_uid_spares_another_object_of_the_same_name(
    kube: KubeClient, namespace: str
) -> None:
    stored = await kube.apply(config_map(namespace))
    other = {**stored, "metadata": {**stored["metadata"], "uid": "00000000-0000-0000-0000-000000000000"}}
    with pytest.raises(ConflictError):
        await kube.delete(other)
    assert await kube.get(CONFIG_MAP, namespace, "one")


async def test_deleting_a_missing_object_raises_no_error(kube: KubeClient, namespace: str) -> None:
    stored = await kube.apply(config_map(namespace))
    await kube.delete(stored)
    await kube.delete(stored)
    assert await kube.list(CONFIG_MAP, namespace, "app=test") == []


async def test_a_status_write_leaves_the_spec_unchanged(kube: KubeClient, namespace: str) -> None:
    await kube.create(MODEL_DEPLOYMENT, namespace, manifest())
    stored = await kube.patch_status(MODEL_DEPLOYMENT, namespace, "tiny", {"url": "http://x", "replicas": 2})
    assert stored["metadata"]["generation"] == 1
    stored = await kube.patch_status(MODEL_DEPLOYMENT, namespace, "tiny", {"url": None})
    assert "url" not in stored["status"]
    assert stored["status"]["replicas"] == 2


async def test_a_silent_server_is_reported_as_unavailable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nowhere = tmp_path / "kubeconfig"
    nowhere.write_text(
        "{apiVersion: v1, kind: Config, current-context: c, users: [{name: u, user: {token: t}}],"
        " clusters: [{name: k, cluster: {server: 'http://127.0.0.1:9'}}],"
        " contexts: [{name: c, context: {cluster: k, user: u}}]}"
    )
    monkeypatch.setenv("KUBECONFIG", str(nowhere))
    client = KubeClient(await open_api_client(), TokenBucket(rate=1000, burst=1000))
    try:
        with pytest.raises(UnavailableError) as error:
            await client.list(CONFIG_MAP, "default")
    finally:
        await client.close()
    assert error.value.code == 0


async def test_a_lease_write_is_not_rate_limited(
    control_plane: ControlPlane, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    bucket = TokenBucket(rate=0.001, burst=1)
    client = KubeClient(await open_api_client(), bucket)
    try:
        assert bucket.reserve() == 0
        elector = LeaderElector(client, namespace, "operator", "first")
        async with asyncio.timeout(60):
            await elector.acquire()
        assert bucket.reserve() > 60
    finally:
        await client.close()
