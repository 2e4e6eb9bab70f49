"""The session of the watches: metadata only, pages of a bounded size, and lines of any depth."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from fairlead_operator.bounds import API_ANSWER_BYTES, JSON_DEPTH
from fairlead_operator.kube.connection import Connection
from fairlead_operator.kube.watching import open_watch_session
from tests.kube.stand_in import Answer, Server, objects, standing_in

MEGABYTE = 1 << 20


@asynccontextmanager
async def watching(answer: Answer) -> AsyncIterator[tuple[aiohttp.ClientSession, Server]]:
    async with standing_in(answer) as server:
        connection = Connection(server.url, None, False, "Bearer t", None, None)
        async with open_watch_session(connection) as session:
            yield session, server


async def read_list(session: aiohttp.ClientSession, url: str) -> list[str]:
    """All names, as kopf lists them: a page after the other."""
    names, token = [], ""
    while True:
        query = {"limit": "100"} | ({"continue": token} if token else {})
        async with await session.get(f"{url}/api/v1/pods", params=query) as response:
            page = await response.json()
        names += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue")
        if not token:
            return names


@pytest.mark.parametrize(("count", "size"), [(250, 0), (60, MEGABYTE), (3, 3 * MEGABYTE)])
async def test_every_object_is_listed_whatever_its_size(count: int, size: int) -> None:
    async with watching(objects(count, size)) as (session, server):
        assert await read_list(session, server.url) == [f"o-{number}" for number in range(count)]
    assert all("as=PartialObjectMetadataList" in request.headers["Accept"] for request in server.asked)


async def test_an_object_above_every_limit_is_a_failed_request() -> None:
    async with watching(objects(1, API_ANSWER_BYTES)) as (session, server):
        with pytest.raises(aiohttp.ClientError, match="too large"):
            await read_list(session, server.url)


async def test_an_empty_list_has_no_items() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"metadata": {}, "items": None})

    async with watching(answer) as (session, server):
        assert await read_list(session, server.url) == []


def event(name: str, depth: int) -> bytes:
    """A line of a watch about an object that is nested so deeply."""
    fields = '{"a":' * depth + "1" + "}" * depth
    return f'{{"type": "ADDED", "object": {{"metadata": {{"name": "{name}", "f": {fields}}}}}}}\n'.encode()


async def test_a_watch_continues_after_an_unparsable_object() -> None:
    lines = b"".join((event("a", 3), event("deep", 50_000), event("b", JSON_DEPTH // 2)))

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for begin in range(0, len(lines), 1000):
            await response.write(lines[begin : begin + 1000])
        return response

    async with watching(answer) as (session, server):
        response = await session.get(f"{server.url}/api/v1/pods", params={"watch": "true"})
        async with response:
            text = b"".join([part async for part in response.content.iter_chunked(MEGABYTE)])
        assert "as=PartialObjectMetadata;" in server.asked[0].headers["Accept"]
    seen = [json.loads(line) for line in text.splitlines()]
    assert [item["object"]["metadata"]["name"] for item in seen] == ["a", "deep", "b"]
    assert [seen[0]["object"], seen[2]["object"]] == [
        json.loads(event(name, depth))["object"] for name, depth in (("a", 3), ("b", JSON_DEPTH // 2))
    ]
