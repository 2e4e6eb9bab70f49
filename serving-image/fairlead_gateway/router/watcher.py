"""Follows one kind of object in one place of the cluster, for as long as the process runs.

It lists, then watches from the list's version. When a watch ends it continues from the last version, and
lists again when that version is gone. The pauses after failures grow, with jitter so that routers do not all
reconnect at once.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

import httpx2

from fairlead_contract.names import GROUP, MODEL_LABEL, PLURAL, VERSION

from .kube import GoneError, KubeError, KubeReader, Object, key_of

_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 20.0
_log = logging.getLogger("fairlead.router")
Replace = Callable[[set[str], Mapping[str, Object]], None]


@dataclass(frozen=True)
class WatchSource:
    """The path of the objects, and the callbacks: `replace` gets known keys with their present objects,
    `listed` is called after the first list.
    """

    path: str
    replace: Replace
    listed: Callable[[], None]
    query: Mapping[str, str] = field(default_factory=dict)


class Watcher:
    """One list and watch."""

    def __init__(self, reader: KubeReader, source: WatchSource) -> None:
        self._reader, self._source = reader, source
        self._known: set[str] = set()
        self._version = ""
        self._listed = False
        self._failures = 0

    async def run(self) -> None:
        """Never returns."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except GoneError:
                self._version = ""
                _log.info("%s: listing again", self._source.path)
                await self._pause()
            except (KubeError, httpx2.HTTPError, OSError, ValueError, KeyError) as error:
                _log.warning("%s: %s", self._source.path, str(error) or type(error).__name__)
                await self._pause()

    async def _list(self) -> None:
        source, listed, latest = self._source, set[str](), ""
        async with aclosing(self._reader.list(source.path, source.query)) as pieces:
            async for documents, version in pieces:
                source.replace(set(documents), documents)
                listed |= documents.keys()
                self._known |= documents.keys()
                latest = version
        source.replace(self._known - listed, {})
        self._known, self._version = listed, latest
        if not self._listed:
            self._listed = True
            source.listed()

    async def _watch(self) -> None:
        source = self._source
        started = asyncio.get_running_loop().time()
        # Closed here, not by the garbage collector: it may come after the event loop has ended.
        async with aclosing(self._reader.watch(source.path, source.query, self._version)) as events:
            async for event in events:
                self._take(event)
        if asyncio.get_running_loop().time() - started < 1:
            await self._pause()

    def _take(self, event: Object) -> None:
        document = event["object"]
        self._version = document["metadata"]["resourceVersion"]
        self._failures = 0
        if event["type"] == "BOOKMARK":
            return
        key, gone = key_of(document), event["type"] == "DELETED"
        self._source.replace({key}, {} if gone else {key: document})
        (self._known.discard if gone else self._known.add)(key)

    async def _pause(self) -> None:
        bound = min(_SHORTEST_PAUSE_SECONDS * 2.0 ** min(self._failures, 10), _LONGEST_PAUSE_SECONDS)
        self._failures += 1
        await asyncio.sleep(bound * random.uniform(0.5, 1))  # noqa: S311 -- jitter


def sources(
    namespaces: tuple[str, ...],
    replace_models: Replace,
    replace_slices: Replace,
    listed: Callable[[], None],
    replace_namespaces: Replace | None = None,
) -> list[WatchSource]:
    """A router's watches: models and EndpointSlices in these namespaces, or in all, and then the Namespaces
    too.
    """
    places = [f"/namespaces/{name}" for name in namespaces] or [""]
    found = []
    if replace_namespaces and not namespaces:
        found.append(WatchSource("/api/v1/namespaces", replace_namespaces, listed))
    for place in places:
        models = f"/apis/{GROUP}/{VERSION}{place}/{PLURAL}"
        found.append(WatchSource(models, replace_models, listed))
        slices = f"/apis/discovery.k8s.io/v1{place}/endpointslices"
        found.append(WatchSource(slices, replace_slices, listed, {"labelSelector": MODEL_LABEL}))
    return found
