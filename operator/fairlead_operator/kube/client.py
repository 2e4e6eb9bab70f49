"""A small client: dicts on the wire, six exceptions, server-side apply, rate-limited writes.

It uses the official client's transport (connections, TLS, authentication, token refresh) and none of its
models: they raise on unknown fields, which must survive here.

The API server is trusted, but its objects are not: there may be any number of them, each up to 1.5 MiB. So
answers and lists are bounded, and a list can be reduced to what is needed while it is read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client import ApiClient

from fairlead_operator.api.names import FIELD_MANAGER
from fairlead_operator.bounds import API_ANSWER_BYTES, LISTED_OBJECTS, PAGE_OBJECTS
from fairlead_operator.kube.decoding import decode
from fairlead_operator.kube.errors import (
    KubeError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
    error_of,
)
from fairlead_operator.kube.logs import log_lines
from fairlead_operator.kube.ratelimit import TokenBucket
from fairlead_operator.kube.resources import BY_KIND, POD, Resource
from fairlead_operator.telemetry import API_REQUESTS

Object = dict[str, Any]
# (namespace, name) of objects.
Names = list[tuple[str, str]]
LOG = logging.getLogger(__name__)

_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_JSON = "application/json"
# A list with only the metadata of its objects.
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
_TIMEOUT_SECONDS = 30.0
# By how much the pages of a list become smaller when one of them is too large.
_SMALLER = 8
# A server that limits the rate sends the time of the next attempt.
_OVERLOADED = 429
_ATTEMPTS = 5


class KubeClient:
    """Requests to the API server. All methods raise KubeError's subclasses and nothing else."""

    def __init__(self, api: ApiClient, bucket: TokenBucket) -> None:
        self._api = api
        self._bucket = bucket

    async def get(
        self, resource: Resource, namespace: str, name: str, most_bytes: int = API_ANSWER_BYTES
    ) -> Object:
        """One object. Raises NotFoundError and TooLargeError."""
        return await self._request("GET", resource, resource.path(namespace, name), most_bytes=most_bytes)

    async def get_from_pod(self, namespace: str, name: str, port: int, path: str, most_bytes: int) -> bytes:
        """A pod's answer to a GET request that the API server forwards to its port."""
        target = POD.path(namespace, f"{name}:{port}", f"proxy/{path}")
        return await self._exchange("GET", POD, target, most_bytes=most_bytes)

    def log_lines(self, namespace: str, name: str, query: dict[str, str]) -> AsyncGenerator[bytes]:
        """The lines of a container's log, as long as it goes on; `query` has the parameters of the API."""
        return log_lines(self._api, POD.path(namespace, name, "log"), query)

    async def list(
        self,
        resource: Resource,
        namespace: str | None,
        selector: str = "",
        *,
        fields: str = "",
        most: int = LISTED_OBJECTS,
        keep: Callable[[Object], Object | None] = lambda item: item,
        metadata_only: bool = False,
    ) -> list[Object]:
        """Objects of a kind, in one namespace or everywhere, that match a label and a field selector.

        Of each object only what `keep` returns is held in memory, never its managedFields. None leaves it
        out. At most `most` objects are returned, and at most twice as many are looked at.
        """
        found: list[Object] = []
        query = {"limit": str(min(most, PAGE_OBJECTS))}
        query |= {"labelSelector": selector} if selector else {}
        query |= {"fieldSelector": fields} if fields else {}
        seen = 0
        while True:
            page = await self._page(resource, namespace, query, METADATA_LIST if metadata_only else _JSON)
            items = page.get("items") or []
            seen += len(items)
            # Items of a list come without their type.
            head = {"apiVersion": resource.api_version, "kind": resource.kind}
            whole = ({**head, **without_history(item)} for item in items)
            found += [kept for item in whole if (kept := keep(item)) is not None]
            token: str = (page.get("metadata") or {}).get("continue") or ""
            if not token and len(found) <= most:
                return found
            if len(found) >= most or seen >= 2 * most:
                where = f"{resource.plural} in {namespace or 'all namespaces'}"
                LOG.warning("too many objects: the rest is left out", extra={"list": where, "seen": seen})
                return found[:most]
            query["continue"] = token

    async def names(self, resource: Resource, namespace: str | None) -> Names:
        """(namespace, name) of all objects of a kind, in one namespace or everywhere."""
        metadata = await self.list(
            resource, namespace, keep=lambda item: _identity(item["metadata"]), metadata_only=True
        )
        return [(item["namespace"], item["name"]) for item in metadata]

    async def serves(self, resource: Resource) -> bool:
        """Whether the API server knows the kind, whatever the caller may do with it."""
        try:
            answer = await self._request("GET", resource, f"/apis/{resource.api_version}")
        except NotFoundError:
            return False
        return any(item["name"] == resource.plural for item in answer.get("resources") or [])

    async def apply(self, body: Object) -> Object:
        """Server-side apply as the operator's field manager, taking over fields in conflict."""
        resource = BY_KIND[body["kind"]]
        path = resource.path(body["metadata"]["namespace"], body["metadata"]["name"])
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._request("PATCH", resource, path, query, body, _APPLY)

    async def patch_status(
        self, resource: Resource, namespace: str, name: str, status: Object, version: str | None = None
    ) -> Object:
        """Merges into the status; a value of None removes a field.

        With a `version` only if the object still has this resourceVersion, else raises ConflictError.
        """
        path = resource.path(namespace, name, "status")
        body: Object = {"status": status}
        if version:
            body["metadata"] = {"resourceVersion": version}
        return await self._request("PATCH", resource, path, {"fieldManager": FIELD_MANAGER}, body, _MERGE)

    async def delete(self, body: Object) -> None:
        """Deletes exactly this object, not another one of the same name. Succeeds if it is already gone."""
        resource, metadata = BY_KIND[body["kind"]], body["metadata"]
        options = {"propagationPolicy": "Background", "preconditions": {"uid": metadata["uid"]}}
        path = resource.path(metadata["namespace"], metadata["name"])
        try:
            await self._request("DELETE", resource, path, body=options)
        except NotFoundError:
            return

    async def create(self, resource: Resource, namespace: str | None, body: Object) -> Object:
        """Creates an object. Raises ConflictError if it exists."""
        return await self._request("POST", resource, resource.path(namespace), body=body)

    async def patch(self, resource: Resource, namespace: str, name: str, body: Object) -> Object:
        """Merges a change into an object."""
        path = resource.path(namespace, name)
        return await self._request("PATCH", resource, path, body=body, content=_MERGE)

    async def replace(self, resource: Resource, namespace: str, name: str, body: Object) -> Object:
        """Replaces an object; with a resourceVersion in the body only if it is still that version."""
        return await self._request("PUT", resource, resource.path(namespace, name), body=body)

    async def close(self) -> None:
        """Closes all connections."""
        await self._api.close()  # type: ignore[no-untyped-call]

    async def _page(
        self, resource: Resource, namespace: str | None, query: dict[str, str], accept: str
    ) -> Object:
        """One page of a list; with fewer objects, also from then on, if so many are too large together."""
        while True:
            try:
                return await self._request("GET", resource, resource.path(namespace), query, accept=accept)
            except TooLargeError:
                limit = int(query["limit"])
                if limit == 1:
                    raise
                query["limit"] = str(max(1, limit // _SMALLER))

    async def _request(
        self,
        verb: str,
        resource: Resource,
        path: str,
        query: dict[str, str] | None = None,
        body: Object | None = None,
        content: str = _JSON,
        accept: str = _JSON,
        most_bytes: int = API_ANSWER_BYTES,
    ) -> Object:
        data = await self._exchange(verb, resource, path, query, body, content, accept, most_bytes)
        try:
            found: Object = decode(data) if data else {}
        except (ValueError, RecursionError, MemoryError) as error:
            raise UnavailableError(f"{verb} {path}: the answer cannot be read: {error!r}") from error
        return found

    async def _exchange(
        self,
        verb: str,
        resource: Resource,
        path: str,
        query: dict[str, str] | None = None,
        body: Object | None = None,
        content: str = _JSON,
        accept: str = _JSON,
        most_bytes: int = API_ANSWER_BYTES,
    ) -> bytes:
        headers = {"Accept": accept, "Content-Type": content}
        lease = resource.plural == "leases"
        attempts = 0
        while True:
            attempts += 1
            # Leases are exempt: a full bucket must not cost the leadership.
            if verb != "GET" and not lease:
                await self._bucket.acquire()
            code = 0
            try:
                code, answer = await self._send(verb, path, query, body, {**headers}, most_bytes)
                return answer
            except KubeError as error:
                code = error.code
                if code == _OVERLOADED:
                    self._bucket.slow_down(error.retry_after or 0.0)
                # An overloaded server has not started the request, so a retry repeats nothing.
                if code != _OVERLOADED or error.retry_after is None or attempts == _ATTEMPTS:
                    raise
                await asyncio.sleep(error.retry_after)
            finally:
                API_REQUESTS.labels(resource.kind, verb, str(code)).inc()

    async def _send(
        self,
        verb: str,
        path: str,
        query: dict[str, str] | None,
        body: Object | None,
        headers: dict[str, str],
        most_bytes: int,
    ) -> tuple[int, bytes]:
        url = self._api.configuration.host + path + (f"?{urlencode(query)}" if query else "")
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                # The official client's further processing, mostly deep copies, costs three times as much as
                # the request.
                await self._api.update_params_for_auth(headers, [], ["BearerToken"], path, verb, body)
                response = await self._api.rest_client.request(  # type: ignore[no-untyped-call]
                    verb, url, headers=headers, body=body, _request_timeout=_TIMEOUT_SECONDS
                )
                data = await _read(response.response, most_bytes)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnavailableError(f"{verb} {path}: {error or type(error).__name__}") from error
        if not 200 <= response.status < 300:
            raise error_of(response.status, data, response.headers.get("Retry-After"))
        return response.status, data


async def _read(response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    """The body, decompressed. Raises TooLargeError, before so much is in memory."""
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > most_bytes:
            response.close()
            raise TooLargeError(f"the answer is larger than {most_bytes} bytes", response.status)
    response.release()
    return bytes(body)


def without_history(body: Object) -> Object:
    """The object without metadata.managedFields, which may take twice as much memory as all the rest."""
    body.get("metadata", {}).pop("managedFields", None)
    return body


def _identity(metadata: Object) -> Object:
    return {"namespace": metadata.get("namespace", ""), "name": metadata["name"]}
