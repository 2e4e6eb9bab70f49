"""As much of the Kubernetes API as the router reads: lists and watches of three kinds, on the loopback.

The router has no other way to learn of models and pods, so it is the same program here as in a cluster. The
supervisor puts objects in, and only the holder of the token may read them.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from fairlead_contract.names import GROUP, PLURAL, VERSION
from fairlead_operator.bounds import LOCAL_API_CHANGES
from fairlead_operator.local.environment import LOOPBACK

Object = dict[str, Any]

NAMESPACES = "/api/v1/namespaces"
MODELS = f"/apis/{GROUP}/{VERSION}/{PLURAL}"
SLICES = "/apis/discovery.k8s.io/v1/endpointslices"
# The API server sends bookmarks about once a minute; a reader takes a longer silence for a dead connection.
_BOOKMARK_SECONDS = 30.0
_LONGEST_WATCH_SECONDS = 600.0
# A watch that is open when the run ends has nothing to finish.
_SHUTDOWN_SECONDS = 0.1


@dataclass(frozen=True)
class Change:
    """One change of an object, with the version of the store after it."""

    version: int
    path: str
    kind: str
    object: Object


class ObjectStore:
    """Objects by the path of their kind, with the last changes for watches."""

    def __init__(self) -> None:
        self.version = 0
        self._objects: dict[str, dict[str, Object]] = {NAMESPACES: {}, MODELS: {}, SLICES: {}}
        self._changes: deque[Change] = deque(maxlen=LOCAL_API_CHANGES)
        self._changed = asyncio.Event()

    def put(self, path: str, document: Object) -> None:
        """Stores an object, unless it is there as it is."""
        key, kept = _key(document), self._objects[path]
        before = kept.get(key)
        if before is not None and _content(before) == _content(document):
            return
        self._record(path, "ADDED" if before is None else "MODIFIED", document)

    def remove(self, path: str, document: Object) -> None:
        """Removes an object, if it is there."""
        if (found := self._objects[path].get(_key(document))) is not None:
            self._record(path, "DELETED", found)

    def objects(self, path: str) -> list[Object]:
        """The objects of a kind."""
        return list(self._objects[path].values())

    def knows(self, path: str) -> bool:
        """Whether it is the path of a kind."""
        return path in self._objects

    def since(self, path: str, version: int) -> list[Change] | None:
        """The changes of a kind after a version; None if they are not kept any more."""
        oldest = self._changes[0].version if self._changes else self.version + 1
        if version + 1 < oldest or version > self.version:
            return None
        return [change for change in self._changes if change.version > version and change.path == path]

    async def wait(self, seconds: float) -> None:
        """Returns at the next change, or after so many seconds."""
        changed = self._changed
        try:
            async with asyncio.timeout(seconds):
                await changed.wait()
        except TimeoutError:
            return

    def _record(self, path: str, kind: str, document: Object) -> None:
        self.version += 1
        metadata = {**document["metadata"], "resourceVersion": str(self.version)}
        document = {**document, "metadata": metadata}
        key = _key(document)
        if kind == "DELETED":
            del self._objects[path][key]
        else:
            self._objects[path][key] = document
        self._changes.append(Change(self.version, path, kind, document))
        self._changed.set()
        self._changed = asyncio.Event()


class KubeApi:
    """The HTTP server. `token` is what a reader has to present."""

    def __init__(self, store: ObjectStore) -> None:
        self.token = secrets.token_urlsafe(32)
        self.port = 0
        self._store = store
        application = web.Application(middlewares=[self._authorize])
        application.router.add_get("/{path:.*}", self._get)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)

    async def start(self) -> None:
        """Listens on a free port of the loopback. Raises OSError."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Ends all watches and stops listening."""
        await self._runner.cleanup()

    @web.middleware
    async def _authorize(self, request: web.Request, handler: Any) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode()):
            return _status(401, "Unauthorized")
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _get(self, request: web.Request) -> web.StreamResponse:
        if not self._store.knows(request.path):
            return _status(404, f"this API has no {request.path}")
        if request.query.get("watch") in ("1", "true"):
            return await self._watch(request)
        metadata = {"resourceVersion": str(self._store.version)}
        # Selectors are not needed: every object here is of a model.
        return web.json_response(
            {"kind": "List", "metadata": metadata, "items": self._store.objects(request.path)}
        )

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        store, path, loop = self._store, request.path, asyncio.get_running_loop()
        try:
            version = int(request.query.get("resourceVersion", store.version))
            seconds = min(
                float(request.query.get("timeoutSeconds", _LONGEST_WATCH_SECONDS)), _LONGEST_WATCH_SECONDS
            )
        except ValueError:
            return _status(400, "resourceVersion and timeoutSeconds must be numbers")
        if store.since(path, version) is None:
            return _status(410, "too old resource version")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        with suppress(ConnectionResetError):  # its reader has gone
            await self._send_changes(response, path, version, loop.time() + seconds)
        return response

    async def _send_changes(self, response: web.StreamResponse, path: str, version: int, end: float) -> None:
        """Sends what changes after a version until a time of the loop."""
        store, loop = self._store, asyncio.get_running_loop()
        while (left := end - loop.time()) > 0:
            changes, version = store.since(path, version), store.version
            if changes is None:
                gone = {"code": 410, "message": "too old resource version"}
                await response.write(_line("ERROR", gone))
                return
            for change in changes:
                await response.write(_line(change.kind, change.object))
            if not changes:
                await response.write(_line("BOOKMARK", {"metadata": {"resourceVersion": str(version)}}))
            # Something may have changed while that was written.
            if store.version == version:
                await store.wait(min(left, _BOOKMARK_SECONDS))


def _line(kind: str, document: Object) -> bytes:
    return json.dumps({"type": kind, "object": document}).encode() + b"\n"


def _status(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "code": code, "message": message}, status=code)


def _key(document: Object) -> str:
    metadata = document["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"


def _content(document: Object) -> Object:
    metadata = {key: value for key, value in document["metadata"].items() if key != "resourceVersion"}
    return {**document, "metadata": metadata}
