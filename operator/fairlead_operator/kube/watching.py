"""The HTTP session for the watches of all models and their children.

Only the metadata of objects is requested, since nothing else is used. Other users write it too: a page of a
list may have a hundred objects of 1.5 MiB, and an object may be nested more deeply than Python's parser can
follow. Neither may end the watches or fill the operator's memory.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from typing import Any, cast

import aiohttp

from fairlead_operator.bounds import API_ANSWER_BYTES, WATCHED_PAGE_BYTES
from fairlead_operator.kube.client import METADATA_LIST
from fairlead_operator.kube.connection import Connection
from fairlead_operator.kube.decoding import cut_nesting, decode

_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
# By how much a page becomes smaller when it is too large.
_SMALLER = 8


def open_watch_session(connection: Connection) -> aiohttp.ClientSession:
    """A session for lists and watches, to be closed by the caller."""
    context = ssl.create_default_context(cafile=connection.ca_path)
    if connection.certificate_path:
        context.load_cert_chain(connection.certificate_path, connection.key_path)
    if connection.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=context),
        headers={"Authorization": connection.authorization} if connection.authorization else None,
        middlewares=(_bounded_metadata,),
        response_class=_Response,
    )


async def _bounded_metadata(
    request: aiohttp.ClientRequest, handle: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Requests only metadata, and again for fewer objects if a page is too large."""
    query = request.url.query
    if query.get("watch"):
        request.headers["Accept"] = _METADATA
        return await handle(request)
    if "limit" not in query:
        return await handle(request)
    request.headers["Accept"] = METADATA_LIST
    limit = int(query["limit"])
    while True:
        response = cast("_Response", await handle(request))
        if await response.fits(WATCHED_PAGE_BYTES if limit > 1 else API_ANSWER_BYTES):
            return response
        response.close()
        if limit == 1:
            raise aiohttp.ClientError(f"an object of {request.url.path} is too large")
        limit = max(1, limit // _SMALLER)
        request.url = request.url.update_query(limit=str(limit))


class _Response(aiohttp.ClientResponse):
    """An answer whose body is read up to a bound, and whose JSON may be nested deeply."""

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        """Reads the head; the lines of a watch are made shallow as they are read."""
        await super().start(connection)
        if self.url.query.get("watch"):
            self.content = cast("aiohttp.StreamReader", _ShallowLines(self.content))
        return self

    async def fits(self, most_bytes: int) -> bool:
        """Whether the body has at most so many bytes; if so it has been read."""
        body = bytearray()
        async for part in self.content.iter_any():
            body += part
            if len(body) > most_bytes:
                return False
        self._body = bytes(body)
        return True

    async def json(self, **_: Any) -> Any:
        """The body's JSON value. An empty list gets [] for its items, not null, which kopf cannot read."""
        found = decode(await self.read())
        if isinstance(found, dict) and "items" in found and found["items"] is None:
            found["items"] = []
        return found


class _ShallowLines:
    """The stream of a watch: lines of JSON, in which what is nested too deeply is null."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Whole lines, as they arrive."""
        rest = b""
        async for part in self._content.iter_chunked(size):
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                yield cut_nesting(line) + b"\n"
        if rest:
            yield rest
