"""The edge to kopf, and the only module that imports it: watches in, keys out.

kopf lists and watches, reconnects and logs in. Of its handlers only `on.event` is used: it writes nothing to
the objects, needs no finalizer, and every event of any watched object becomes the key of a model in our own
queue.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import kopf

from fairlead_operator.api.names import GROUP, MODEL_LABEL, PLURAL, VERSION
from fairlead_operator.kube.connection import load_connection

# (group, version, plural) of what is watched beside ModelDeployments, by the model's label.
_CHILDREN = (
    ("apps", "v1", "deployments"),
    ("", "v1", "services"),
    ("", "v1", "serviceaccounts"),
    ("", "v1", "configmaps"),
    ("policy", "v1", "poddisruptionbudgets"),
    ("networking.k8s.io", "v1", "networkpolicies"),
    ("", "v1", "pods"),
)
# A dead connection must not look like a quiet cluster.
_SERVER_TIMEOUT_SECONDS = 300
_CLIENT_TIMEOUT_SECONDS = 330
# An API server that is away for minutes ends no watch. Not for ever: a right that is taken away looks the
# same, and is told by the check at the next start.
_ERROR_BACKOFFS_SECONDS = (1, 1, 2, 3, *itertools.repeat(5, 120))

Add = Callable[[tuple[str, str]], None]


class _NoDiffBase(kopf.DiffBaseStorage):
    """Keeps no last-handled state. kopf would otherwise copy every object at every event to compute it."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> Any:
        return None

    def store(self, **_: Any) -> None:
        return None


async def watch(add: Add, namespaces: Sequence[str], ready: asyncio.Event, stop: asyncio.Event) -> None:
    """Calls `add` with (namespace, name) of a model at each event, until `stop`; sets `ready` once watching.

    Raises what kopf raises when it gives up, for example after a minute without an API server.
    """
    await kopf.operator(
        registry=_registry(add),
        settings=_settings(),
        clusterwide=not namespaces,
        namespaces=namespaces,
        standalone=True,
        ready_flag=ready,
        stop_flag=stop,
    )


def _registry(add: Add) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await _login()

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def root(*, namespace: str | None, name: str, **_: Any) -> None:
        add((namespace or "", name))

    async def child(*, namespace: str | None, labels: Mapping[str, str], **_: Any) -> None:
        add((namespace or "", labels[MODEL_LABEL]))

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
    settings.watching.client_timeout = _CLIENT_TIMEOUT_SECONDS
    for group, version, plural in _CHILDREN:
        settings.watching.label_selectors[group, version, plural] = MODEL_LABEL
    return settings


async def _login() -> kopf.ConnectionInfo:
    connection = await load_connection()
    scheme, _, token = (connection.authorization or "").rpartition(" ")
    return kopf.ConnectionInfo(
        server=connection.server,
        ca_path=connection.ca_path,
        insecure=connection.insecure,
        scheme=scheme or None,
        token=token or None,
        certificate_path=connection.certificate_path,
        private_key_path=connection.key_path,
    )
