"""What the API server says reaches the model_registry, whatever happens to the connection."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.router import kube
from fairlead_gateway.router.endpoint_slices import Address
from fairlead_gateway.router.kube import KubeReader
from fairlead_gateway.router.registry import ModelRegistry
from fairlead_gateway.router.watcher import Watcher, sources
from tests.gateway.wire import until
from tests.router.objects import Object, endpoint, endpoint_slice, model
from tests.support.control_plane import ControlPlane
from tests.support.faults import Call, Fault, FaultyProxy

pytestmark = pytest.mark.apiserver


class FollowedNamespace:
    """One namespace, a registry that follows it, and the connection between."""

    def __init__(
        self, plane: ControlPlane, namespace: str, proxy: FaultyProxy, model_registry: ModelRegistry
    ) -> None:
        self.proxy, self.model_registry = proxy, model_registry
        self._plane, self._namespace = plane, namespace

    async def apply(self, *documents: Object) -> None:
        for document in documents:
            document["metadata"]["namespace"] = self._namespace
            document.pop("status", None)
            await self._kubectl("apply", "-f", "-", text=json.dumps(document))

    async def patch_status(self, kind: str, name: str, patch: Object) -> None:
        text = json.dumps(patch)
        where = ("-n", self._namespace, "--subresource=status", "--type=merge", "-p", text)
        await self._kubectl("patch", kind, name, *where)

    async def delete(self, kind: str, name: str) -> None:
        await self._kubectl("delete", kind, name, "-n", self._namespace)

    @property
    def models(self) -> set[str]:
        return {entry.id for entry in self.model_registry.resolver.entries()}

    async def watching(self) -> None:
        await until(lambda: self.proxy.watches == 2)

    async def _kubectl(self, *arguments: str, text: str | None = None) -> None:
        await asyncio.to_thread(self._plane.kubectl, *arguments, input=text)


@asynccontextmanager
async def following(
    plane: ControlPlane, namespace: str, folder: Path, everywhere: bool = False
) -> AsyncIterator[FollowedNamespace]:
    async with FaultyProxy(plane.kubeconfig, folder / "kubeconfig") as proxy:
        server = json.loads(proxy.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
        (folder / "token").write_text("ignored")
        reader = KubeReader(server, folder / "token", folder / "none")
        model_registry = ModelRegistry(asyncio.get_running_loop().time, sources=3 if everywhere else 2)
        replace = (
            model_registry.replace_models,
            model_registry.replace_slices,
            model_registry.listed,
            model_registry.replace_namespaces,
        )
        watched = sources(() if everywhere else (namespace,), *replace)
        tasks = [asyncio.create_task(Watcher(reader, source).run()) for source in watched]
        try:
            yield FollowedNamespace(plane, namespace, proxy, model_registry)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await reader.close()


@pytest.fixture
async def world(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> AsyncIterator[FollowedNamespace]:
    """A registry that follows an empty namespace."""
    async with following(control_plane, namespace, tmp_path) as made:
        await made.watching()
        yield made


@pytest.fixture
def node(control_plane: ControlPlane) -> Iterator[str]:
    """A node by name only, which the controller of EndpointSlices wants a pod to have."""
    name = f"node-{uuid.uuid4().hex[:8]}"
    made = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
    control_plane.kubectl("create", "-f", "-", input=json.dumps(made))
    yield name
    control_plane.kubectl("delete", "node", name, "--wait=false")


async def test_created_and_deleted_models_and_pods_are_followed(world: FollowedNamespace) -> None:
    assert world.model_registry.synced
    await world.apply(model("tiny"), endpoint_slice(endpoint("10.0.0.7", "tiny-0")))
    await until(lambda: world.model_registry.addresses == {Address("tiny-0", "10.0.0.7", 8000)})
    await world.delete("endpointslice", "tiny-x")
    await until(lambda: not world.model_registry.addresses)
    await world.delete("modeldeployment", "tiny")
    await until(lambda: not world.models)


async def test_a_broken_watch_resumes_at_its_resource_version(world: FollowedNamespace) -> None:
    await world.apply(model("one"))
    await until(lambda: world.models == {"one"})
    lists = sum(not call.watch for call in world.proxy.calls)
    world.proxy.cut()
    await world.apply(model("two"))
    await until(lambda: world.models == {"one", "two"})
    assert sum(not call.watch for call in world.proxy.calls) == lists


async def test_a_deletion_missed_by_an_expired_watch_is_noticed(world: FollowedNamespace) -> None:
    await world.apply(model("one"), model("two"))
    await until(lambda: world.models == {"one", "two"})
    gone = {"modeldeployments": True, "endpointslices": True}

    def expire(call: Call) -> Fault | None:
        plural = call.path.rpartition("/")[2]
        return Fault(410) if call.watch and gone.pop(plural, False) else None

    await world.proxy.refuse()
    await world.delete("modeldeployment", "one")
    world.proxy.rule = expire
    await world.proxy.accept()
    await until(lambda: world.models == {"two"})
    await world.watching()


@pytest.mark.parametrize("status", [403, 429, 500])
async def test_a_refused_watch_is_retried(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, status: int
) -> None:
    async with following(control_plane, namespace, tmp_path) as world:
        world.proxy.rule = lambda _: Fault(status)
        await until(lambda: len(world.proxy.calls) > 4)
        assert not world.model_registry.synced
        world.proxy.rule = lambda _: None
        await until(lambda: world.model_registry.synced)


async def test_a_status_change_does_not_move_held_requests(world: FollowedNamespace) -> None:
    await world.apply(model("tiny"), endpoint_slice(endpoint("10.0.0.7", "tiny-0")))
    await until(lambda: world.model_registry.addresses)
    (pod,) = next(iter(world.model_registry.dispatchers.values())).pods.values()
    pod.began()
    await world.apply(model("tiny", model={"source": "pvc://models/tiny", "aliases": ["small"]}))
    await until(lambda: "small" in world.models)
    (same,) = next(iter(world.model_registry.dispatchers.values())).pods.values()
    assert same is pod


async def test_a_list_of_large_objects_is_read_in_pages(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube, "MAX_PIECE_BYTES", 16_000)
    monkeypatch.setattr(kube, "_PIECE", 8)
    notes: Object = {"podTemplate": {"metadata": {"annotations": {"note": "x" * 6_000}}}}
    async with following(control_plane, namespace, tmp_path) as world:
        await until(lambda: world.model_registry.synced)
        await world.apply(*(model(f"m{number}", **notes) for number in range(9)))
    async with following(control_plane, namespace, tmp_path) as again:
        await until(lambda: again.model_registry.synced)
        assert again.models == {f"m{number}" for number in range(9)}


async def test_names_below_a_namespace_belong_to_it_from_its_creation_until_after_its_deletion(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    fresh = f"fresh-{uuid.uuid4().hex[:8]}"
    async with following(control_plane, namespace, tmp_path, everywhere=True) as world:
        resolver = world.model_registry.resolver

        def reached() -> str:
            try:
                return resolver.resolve(f"{fresh}/chat").model.namespace
            except ApiError as error:
                return error.code

        names = {"source": "pvc://models/x", "aliases": [f"{fresh}/chat"]}
        await until(lambda: world.model_registry.synced)
        await world.apply(model("squatter", model=names))
        await until(lambda: reached() == namespace)
        await asyncio.to_thread(control_plane.kubectl, "create", "namespace", fresh)
        await until(lambda: reached() == "model_not_found")
        await asyncio.to_thread(control_plane.kubectl, "delete", "namespace", fresh)
        await until(lambda: not resolver.namespaces.exists(fresh))
        assert reached() == "model_not_found"


@pytest.mark.parametrize("spec", [{"type": "ClusterIP"}, {"clusterIP": "None"}], ids=["service", "headless"])
async def test_endpoint_slices_made_by_kubernetes_are_read(
    world: FollowedNamespace, node: str, spec: Object
) -> None:
    labels = {"fairlead.dev/model": "tiny"}
    name = "tiny-pods" if "clusterIP" in spec else "tiny"
    port = {"name": "http", "port": 80, "targetPort": "http"}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": labels}}
    container = {"name": "gateway", "image": "g", "ports": [{"name": "http", "containerPort": 8000}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tiny-0", "labels": labels}}
    await world.apply(model("tiny"), {**service, "spec": {**spec, "selector": labels, "ports": [port]}})
    await world.apply({**pod, "spec": {"nodeName": node, "containers": [container]}})
    assert not world.model_registry.addresses
    ready = {"type": "Ready", "status": "True"}
    running = {"phase": "Running", "conditions": [ready], "podIP": "10.0.0.9", "podIPs": [{"ip": "10.0.0.9"}]}
    await world.patch_status("pod", "tiny-0", {"status": running})
    await until(lambda: world.model_registry.addresses == {Address("tiny-0", "10.0.0.9", 8000)})
