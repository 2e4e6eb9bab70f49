"""The local API, read by the router's own client and watcher."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from fairlead_gateway.router.kube import GoneError, KubeError, KubeReader
from fairlead_gateway.router.watcher import Watcher, sources
from fairlead_operator.bounds import LOCAL_API_CHANGES
from fairlead_operator.local.kube_api import MODELS, NAMESPACES, KubeApi, ObjectStore
from fairlead_operator.local.kube_objects import endpoint_slice
from tests.plan.builders import model

Object = dict[str, Any]


@asynccontextmanager
async def reader(store: ObjectStore, folder: Path, token: str = "") -> AsyncIterator[KubeReader]:
    """The router's client, with the right token unless another one is given."""
    api = KubeApi(store)
    await api.start()
    file = folder / "token"
    file.write_text(token or api.token)
    client = KubeReader(f"http://127.0.0.1:{api.port}", file, Path("none"))
    try:
        yield client
    finally:
        await client.close()
        await api.close()


def named(name: str, **fields: Any) -> Object:
    return {"metadata": {"name": name, "namespace": "demo"}, **fields}


async def listed(client: KubeReader, path: str) -> tuple[set[str], str]:
    async with aclosing(client.list(path, {})) as pieces:
        async for documents, version in pieces:
            return set(documents), version
    raise AssertionError("a list has at least one piece")


async def test_a_list_has_the_objects_of_one_kind(tmp_path: Path) -> None:
    store = ObjectStore()
    store.put(MODELS, named("a"))
    store.put(NAMESPACES, {"metadata": {"name": "demo"}})
    async with reader(store, tmp_path) as client:
        assert await listed(client, MODELS) == ({"demo/a"}, "2")


async def test_a_watch_sends_what_changes_after_the_list(tmp_path: Path) -> None:
    store = ObjectStore()
    async with reader(store, tmp_path) as client:
        _, version = await listed(client, MODELS)
        found: list[tuple[str, str]] = []
        async with aclosing(client.watch(MODELS, {}, version)) as events:
            store.put(MODELS, named("a"))
            async for event in events:
                if event["type"] == "BOOKMARK":
                    continue
                found.append((event["type"], event["object"]["metadata"]["name"]))
                if len(found) == 1:
                    store.put(MODELS, named("a"))  # as it is: no event
                    store.put(MODELS, named("a", spec=1))
                if len(found) == 2:
                    store.remove(MODELS, named("a"))
                if len(found) == 3:
                    break
        assert found == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


async def test_the_routers_watcher_follows_endpoints(tmp_path: Path) -> None:
    store, seen = ObjectStore(), asyncio.Queue[dict[str, Object]]()
    slices = sources((), lambda *_: None, lambda _, documents: seen.put_nowait(dict(documents)), lambda: None)
    async with reader(store, tmp_path) as client:
        watching = asyncio.create_task(Watcher(client, slices[-1]).run())
        try:
            async with asyncio.timeout(30):
                while await seen.get():
                    pass
                store.put(slices[-1].path, endpoint_slice(model(), [("tiny-1", 4000)]))
                while not (documents := await seen.get()):
                    pass
        finally:
            watching.cancel()
    assert documents["demo/tiny-pods-local"]["ports"][0]["port"] == 4000


async def test_a_version_that_is_too_old_needs_a_new_list(tmp_path: Path) -> None:
    store = ObjectStore()
    for number in range(LOCAL_API_CHANGES + 2):
        store.put(MODELS, named("a", spec=number))
    async with reader(store, tmp_path) as client:
        with pytest.raises(GoneError):
            async with aclosing(client.watch(MODELS, {}, "1")) as events:
                await anext(events)


async def test_only_the_token_opens_it(tmp_path: Path) -> None:
    async with reader(ObjectStore(), tmp_path, token="wrong") as client:
        with pytest.raises(KubeError, match="HTTP 401"):
            await listed(client, MODELS)


async def test_it_has_nothing_else(tmp_path: Path) -> None:
    async with reader(ObjectStore(), tmp_path) as client:
        with pytest.raises(KubeError, match="HTTP 404"):
            await listed(client, "/api/v1/secrets")


async def test_it_changes_nothing_for_its_clients() -> None:
    api = KubeApi(ObjectStore())
    await api.start()
    try:
        async with httpx2.AsyncClient(headers={"authorization": f"Bearer {api.token}"}) as client:
            assert (await client.post(f"http://127.0.0.1:{api.port}{MODELS}", json={})).status_code == 405
    finally:
        await api.close()
