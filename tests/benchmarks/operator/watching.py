"""A watch as other controllers hold one: what the fake nodes live on, and how the harness sees effects."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from fairlead_operator.kube.connection import load_connection
from fairlead_operator.kube.resources import Resource

Object = dict[str, Any]

_METADATA_ONLY = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"


class Api:
    """The API server over one aiohttp session, whose base URL and headers are set."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def request(
        self, verb: str, path: str, body: Object | None = None, content: str = "json"
    ) -> Object:
        """One request. Raises aiohttp.ClientResponseError for answers that are not 2xx."""
        headers = {"Content-Type": f"application/{content}"}
        data = None if body is None else json.dumps(body)
        async with self._session.request(verb, path, data=data, headers=headers) as response:
            if not response.ok:
                raise aiohttp.ClientResponseError(
                    response.request_info, (), status=response.status, message=await response.text()
                )
            found: Object = await response.json()
            return found

    async def watch(
        self, resource: Resource, selector: str = "", *, metadata_only: bool = False
    ) -> AsyncIterator[tuple[str, Object]]:
        """(type, object) of all that there is, as ADDED, and of all that happens later, without an end.

        Raises aiohttp.ClientError when the connection ends: a measurement with a gap is none.
        """
        path = f"{resource.path(None)}?labelSelector={selector}"
        accept = {"Accept": _METADATA_ONLY.format("List") if metadata_only else "application/json"}
        async with self._session.get(path, headers=accept, raise_for_status=True) as response:
            listed = await response.json()
        # An empty list of metadata is null.
        for item in listed["items"] or []:
            yield "ADDED", item
        version = listed["metadata"]["resourceVersion"]
        del listed
        accept = {"Accept": _METADATA_ONLY.format("") if metadata_only else "application/json"}
        stream = f"{path}&watch=true&timeoutSeconds=3600&resourceVersion={version}"
        async with self._session.get(stream, headers=accept, raise_for_status=True) as response:
            async for line in response.content:
                event = json.loads(line)
                yield event["type"], event["object"]
        raise aiohttp.ClientConnectionError(f"the watch of {resource.plural} has ended")


@asynccontextmanager
async def open_api() -> AsyncIterator[Api]:
    """The API server of $KUBECONFIG, as the user that it names."""
    facts = await load_connection()
    context = ssl.create_default_context(cafile=facts.ca_path)
    if facts.certificate_path:
        context.load_cert_chain(facts.certificate_path, facts.key_path)
    connector = aiohttp.TCPConnector(ssl=context)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=30)
    async with aiohttp.ClientSession(facts.server, connector=connector, timeout=timeout) as session:
        yield Api(session)
