"""A small client: dicts on the wire, five exceptions, server-side apply, rate-limited writes.

It uses the official client's transport (connections, TLS, log-in, token refresh) and none of its models: they
raise on what they do not know, and what the operator does not know must survive.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client import ApiClient

from fairlead_operator.api.names import FIELD_MANAGER
from fairlead_operator.kube.errors import KubeError, NotFoundError, UnavailableError, error_of
from fairlead_operator.kube.ratelimit import TokenBucket
from fairlead_operator.kube.resources import BY_KIND, Resource
from fairlead_operator.telemetry import API_REQUESTS

Object = dict[str, Any]

_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_TIMEOUT_SECONDS = 30.0
_PAGE = 500
# A server that limits the rate says when to ask again.
_OVERLOADED = 429
_ATTEMPTS = 5
_LONGEST_WAIT_SECONDS = 60.0


class KubeClient:
    """Requests to the API server. All methods raise KubeError's subclasses and nothing else."""

    def __init__(self, api: ApiClient, bucket: TokenBucket) -> None:
        self._api = api
        self._bucket = bucket

    async def get(
        self, resource: Resource, namespace: str, name: str, subresource: str | None = None
    ) -> Object:
        """One object, or a subresource of it. Raises NotFoundError."""
        return await self._request("GET", resource, resource.path(namespace, name, subresource))

    async def list(
        self, resource: Resource, namespace: str | None, selector: str = "", *, fields: str = ""
    ) -> list[Object]:
        """All objects of a kind, in one namespace or everywhere, that match a label and a field selector."""
        items: list[Object] = []
        query = {"limit": str(_PAGE)}
        query |= {"labelSelector": selector} if selector else {}
        query |= {"fieldSelector": fields} if fields else {}
        while True:
            page = await self._request("GET", resource, resource.path(namespace), query)
            # Items of a list come without their type.
            head = {"apiVersion": resource.api_version, "kind": resource.kind}
            items += [{**head, **item} for item in page.get("items") or []]
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return items
            query["continue"] = token

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
        """Deletes exactly this object: not another one that took its name. Gone already is fine."""
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

    async def _request(
        self,
        verb: str,
        resource: Resource,
        path: str,
        query: dict[str, str] | None = None,
        body: Object | None = None,
        content: str = "application/json",
    ) -> Object:
        lease = resource.plural == "leases"
        attempts = 0
        while True:
            attempts += 1
            # Leases are exempt: a full bucket must not cost the leadership.
            if verb != "GET" and not lease:
                await self._bucket.acquire()
            code = 0
            try:
                code, answer = await self._send(verb, path, query, body, content)
                return answer
            except KubeError as error:
                code = error.code
                if code == _OVERLOADED:
                    self._bucket.slow_down(error.retry_after or 0.0)
                # An overloaded server has not begun with it: what is done so far need not be done again.
                if code != _OVERLOADED or error.retry_after is None or attempts == _ATTEMPTS:
                    raise
                await asyncio.sleep(min(error.retry_after, _LONGEST_WAIT_SECONDS))
            finally:
                API_REQUESTS.labels(resource.kind, verb, str(code)).inc()

    async def _send(
        self, verb: str, path: str, query: dict[str, str] | None, body: Object | None, content: str
    ) -> tuple[int, Object]:
        headers = {"Accept": "application/json", "Content-Type": content}
        url = self._api.configuration.host + path + (f"?{urlencode(query)}" if query else "")
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                # The rest of what the official client does to a request, deep copies above all, costs three
                # times as much as the request.
                await self._api.update_params_for_auth(headers, [], ["BearerToken"], path, verb, body)
                response = await self._api.rest_client.request(  # type: ignore[no-untyped-call]
                    verb, url, headers=headers, body=body, _request_timeout=_TIMEOUT_SECONDS
                )
                data = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnavailableError(f"{verb} {path}: {error or type(error).__name__}") from error
        if not 200 <= response.status < 300:
            raise error_of(response.status, data, response.headers.get("Retry-After"))
        return response.status, json.loads(data) if data else {}
