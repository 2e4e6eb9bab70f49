"""The client before an API server that keeps what others have written: any number of objects of any size, and
answers of pods that it passes on.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from fairlead_operator.bounds import API_ANSWER_BYTES, ERROR_CHARACTERS, PAGE_OBJECTS
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.connection import open_api_client
from fairlead_operator.kube.errors import KubeError, TooLargeError, UnavailableError
from fairlead_operator.kube.ratelimit import TokenBucket
from fairlead_operator.kube.resources import EVENT, MODEL_DEPLOYMENT, POD
from tests.kube.stand_in import Answer, Server, objects, standing_in
from tests.kube.support import Object

MEGABYTE = 1 << 20


@asynccontextmanager
async def connected(
    answer: Answer, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> AsyncIterator[tuple[KubeClient, Server]]:
    async with standing_in(answer) as server:
        config = folder / "kubeconfig"
        config.write_text(
            "{apiVersion: v1, kind: Config, current-context: c, users: [{name: u, user: {token: t}}],"
            f" clusters: [{{name: k, cluster: {{server: '{server.url}'}}}}],"
            " contexts: [{name: c, context: {cluster: k, user: u}}]}"
        )
        monkeypatch.setenv("KUBECONFIG", str(config))
        client = KubeClient(await open_api_client(), TokenBucket(rate=1000, burst=1000))
        try:
            yield client, server
        finally:
            await client.close()


async def test_a_list_of_large_objects_is_read_in_smaller_pages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = objects(20, MEGABYTE)
    async with connected(answer, monkeypatch, tmp_path) as (client, _):
        found = await client.list(POD, "demo", keep=lambda item: {"name": item["metadata"]["name"]})
    assert found == [{"name": f"o-{number}"} for number in range(20)]


async def test_a_list_ends_when_the_caller_has_enough_items(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with connected(objects(100_000), monkeypatch, tmp_path) as (client, server):
        found = await client.list(EVENT, "demo", most=100)
    assert [item["metadata"]["name"] for item in found] == [f"o-{number}" for number in range(100)]
    assert len(server.asked) == 1


async def test_skipped_items_do_not_count_for_the_limit_but_the_search_is_bounded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ours is the last of many, and of too many."""
    most = 1000
    last = 2 * most - 1

    def ours(item: Object) -> Object | None:
        return item if item["metadata"]["name"] == f"o-{last}" else None

    async with connected(objects(last + 1), monkeypatch, tmp_path) as (client, _):
        assert len(await client.list(POD, "demo", most=most, keep=ours)) == 1
    last = 10**6
    async with connected(objects(last + 1), monkeypatch, tmp_path) as (client, server):
        assert await client.list(POD, "demo", most=most, keep=ours) == []
    assert len(server.asked) == 2 * most // PAGE_OBJECTS


async def test_names_are_read_as_partial_metadata(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with connected(objects(PAGE_OBJECTS + 1), monkeypatch, tmp_path) as (client, server):
        names = await client.names(MODEL_DEPLOYMENT, None)
    assert len(names) == PAGE_OBJECTS + 1
    assert names[0] == ("demo", "o-0")
    assert all("as=PartialObjectMetadataList" in request.headers["Accept"] for request in server.asked)


def body(text: bytes, encoding: str = "") -> Answer:
    async def answer(request: web.Request) -> web.Response:
        headers = {"Content-Type": "application/json"}
        return web.Response(body=text, headers=headers | ({"Content-Encoding": encoding} if encoding else {}))

    return answer


async def endless(request: web.Request) -> web.StreamResponse:
    """A body that does not end."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * 65536)


@pytest.mark.parametrize(
    "answer",
    [endless, body(b" " * (API_ANSWER_BYTES + 1)), body(gzip.compress(b" " * (64 * MEGABYTE)), "gzip")],
    ids=["endless", "large", "compressed"],
)
async def test_an_answer_that_is_too_large_is_not_read(
    answer: Answer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with connected(answer, monkeypatch, tmp_path) as (client, _):
        with pytest.raises(TooLargeError, match="larger than"):
            await client.get(POD, "demo", "tiny")


@pytest.mark.parametrize("text", [b"{", b"\xff", b"[" * 50_000, b"<html>"])
async def test_an_answer_that_is_not_json_is_a_failed_request(
    text: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with connected(body(text), monkeypatch, tmp_path) as (client, _):
        with pytest.raises(UnavailableError, match="cannot be read"):
            await client.get(POD, "demo", "tiny")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_a_pod_is_not_followed(
    status: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def answer(request: web.Request) -> web.Response:
        place = "/api/v1/namespaces/victim/pods/p:8001/proxy/drain"
        return web.Response(status=status, headers={"Location": place})

    async with connected(answer, monkeypatch, tmp_path) as (client, server):
        with pytest.raises(UnavailableError, match="redirected"):
            await client.get_from_pod("demo", "tiny", 8001, "status", 65536)
    assert [request.path for request in server.asked] == [
        "/api/v1/namespaces/demo/pods/tiny:8001/proxy/status"
    ]


async def test_a_pods_answer_has_its_own_size_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with connected(body(b" " * 70_000), monkeypatch, tmp_path) as (client, _):
        with pytest.raises(TooLargeError):
            await client.get_from_pod("demo", "tiny", 8001, "status", 65536)
        assert len(await client.get_from_pod("demo", "tiny", 8001, "status", 70_000)) == 70_000


@pytest.mark.parametrize("retry_after", ["²", "-1", "nan", "x" * 5000, "Fri, 31 Dec 1999 23:59:59 GMT", ""])
async def test_an_invalid_retry_after_is_ignored(
    retry_after: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": retry_after.encode().decode("latin-1")})

    async with connected(answer, monkeypatch, tmp_path) as (client, server):
        with pytest.raises(UnavailableError) as caught:
            await client.get(POD, "demo", "tiny")
    assert caught.value.retry_after is None
    assert len(server.asked) == 1


@pytest.mark.parametrize("text", [b'{"message":' * 50_000, json.dumps({"message": "x" * 10**6}).encode()])
async def test_the_message_of_a_failure_is_short(
    text: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=500, body=text)

    async with connected(answer, monkeypatch, tmp_path) as (client, _):
        with pytest.raises(KubeError) as caught:
            await client.get(POD, "demo", "tiny")
    assert 0 < len(str(caught.value)) <= ERROR_CHARACTERS
