"""The only module that imports kopf: it turns watch events into keys of models.

kopf lists, watches, reconnects and authenticates. Of its handlers only `on.event` is used: it writes nothing
to the objects, needs no finalizer, and every event of any watched object becomes the key of a model in our
own queue. Contents are never used, since every reconcile reads them again, so only metadata is requested.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import kopf

from fairlead_contract.names import GROUP, MODEL_LABEL, PLURAL, VERSION
from fairlead_operator.api.names import KIND
from fairlead_operator.controller.child_index import WatchEvent
from fairlead_operator.kube.connection import load_connection
from fairlead_operator.kube.resources import CHILDREN, OPTIONAL_CHILDREN, POD
from fairlead_operator.kube.watching import open_watch_session

# (group, version, plural) of what is watched beside ModelDeployments, by the model's label. kopf leaves out,
# with a warning, what the cluster does not serve.
_CHILDREN = tuple(
    (resource.group, resource.api_version.rpartition("/")[2], resource.plural)
    for resource in (*CHILDREN, *OPTIONAL_CHILDREN, POD)
)
# A dead connection must not look like a quiet cluster.
_SERVER_TIMEOUT_SECONDS = 300
_CLIENT_TIMEOUT_SECONDS = 330
# An outage of the API server for minutes ends no watch. It is bounded, because a revoked permission looks the
# same, and the check at the next start reports that.
_ERROR_BACKOFFS_SECONDS = (1, 1, 2, 3, *itertools.repeat(5, 120))

# Lists are read in pages, and only one page is in memory.
_LIST_PIECE = 100
# How long kopf keeps an object, and a task for it, after its last event.
_IDLE_SECONDS = 0.1

Notice = Callable[[WatchEvent], None]


class _NoDiffBase(kopf.DiffBaseStorage):
    """Stores no last-handled state. Otherwise kopf would copy every object at every event to compute it."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> Any:
        return None

    def store(self, **_: Any) -> None:
        return None


async def watch(notice: Notice, namespaces: Sequence[str], ready: asyncio.Event, stop: asyncio.Event) -> None:
    """Calls `notice` at each event of a model or its children, until `stop`; sets `ready` once watching.

    Raises what kopf raises when it gives up, for example after a minute without an API server.
    """
    await kopf.operator(
        registry=_registry(notice),
        settings=_settings(),
        clusterwide=not namespaces,
        namespaces=namespaces,
        standalone=True,
        ready_flag=ready,
        stop_flag=stop,
    )


def _registry(notice: Notice) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        return await _login()

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def root(*, namespace: str | None, name: str, type: str | None, meta: kopf.Meta, **_: Any) -> None:  # noqa: A002 -- kopf calls it so
        version = meta["resourceVersion"]
        notice(WatchEvent((namespace or "", name), KIND, name, version, type == "DELETED"))

    async def child(
        *,
        namespace: str | None,
        name: str,
        type: str | None,  # noqa: A002 -- kopf calls it so
        resource: kopf.Resource,
        meta: kopf.Meta,
        **_: Any,
    ) -> None:
        key = (namespace or "", meta.labels[MODEL_LABEL])
        owned = any(
            owner.get("controller") and (owner.get("kind"), owner.get("name")) == (KIND, key[1])
            for owner in meta.get("ownerReferences") or ()
        )
        notice(WatchEvent(key, resource.kind or "", name, meta["resourceVersion"], type == "DELETED", owned))

    for group, version, plural in _CHILDREN:
        kopf.on.event(group, version, plural, labels={MODEL_LABEL: kopf.PRESENT}, registry=registry)(child)
    return registry


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.persistence.diffbase_storage = _NoDiffBase()
    # No list of namespaces and CRDs: needs cluster-wide rights for nothing that is used.
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.watching.server_timeout = _SERVER_TIMEOUT_SECONDS
    settings.networking.error_backoffs = _ERROR_BACKOFFS_SECONDS
    settings.watching.chunk_size = _LIST_PIECE
    settings.queueing.idle_timeout = _IDLE_SECONDS
    settings.watching.client_timeout = _CLIENT_TIMEOUT_SECONDS
    for group, version, plural in _CHILDREN:
        settings.watching.label_selectors[group, version, plural] = MODEL_LABEL
    return settings


async def _login() -> kopf.AiohttpSession:
    connection = await load_connection()
    session = open_watch_session(connection)
    return kopf.AiohttpSession(server=connection.server, aiohttp_session=session)
