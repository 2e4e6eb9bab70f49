"""Tells users what happened, as Kubernetes Events, without floods.

One Event object per (object, reason, note): its name is derived from them, so that a repetition, also after a
restart of the operator, raises the count of the same object. Repetitions within five minutes are not written
at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.errors import ConflictError
from fairlead_operator.kube.resources import EVENT
from fairlead_operator.render.hashing import digest

Object = dict[str, Any]

_QUIET_SECONDS = 300.0
_REMEMBERED = 4096
# Limits of the API.
_LONGEST_NOTE = 1024
_LONGEST_REASON = 128


class EventRecorder:
    """Writes Events about objects. `instance` names this process, for example its pod."""

    def __init__(
        self, client: KubeClient, instance: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._instance = instance
        self._clock = clock
        self._told: dict[str, tuple[float, int]] = {}

    async def record(self, regarding: Object, kind: str, reason: str, note: str) -> None:
        """Writes an event of `kind` Normal or Warning about an object. Raises KubeError."""
        note, reason = note[:_LONGEST_NOTE], reason[:_LONGEST_REASON]
        metadata = regarding["metadata"]
        name = f"{metadata['name']}.{digest([metadata['uid'], reason, note])}"
        now = self._clock()
        before, count = self._told.get(name, (-_QUIET_SECONDS, 0))
        if now - before < _QUIET_SECONDS:
            return
        self._remember(name, now, count + 1)
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        try:
            await self._client.create(
                EVENT, metadata["namespace"], self._body(name, regarding, kind, reason, note, stamp)
            )
        except ConflictError:
            series = {"series": {"count": max(2, count + 1), "lastObservedTime": stamp}}
            await self._client.patch(EVENT, metadata["namespace"], name, series)

    def _body(self, name: str, regarding: Object, kind: str, reason: str, note: str, stamp: str) -> Object:
        metadata = regarding["metadata"]
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"name": name, "namespace": metadata["namespace"]},
            "regarding": {
                "apiVersion": regarding["apiVersion"],
                "kind": regarding["kind"],
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "type": kind,
            "reason": reason,
            "note": note,
            "action": "Reconcile",
            "eventTime": stamp,
            "reportingController": "fairlead.dev/operator",
            "reportingInstance": self._instance,
        }

    def _remember(self, name: str, now: float, count: int) -> None:
        self._told.pop(name, None)
        self._told[name] = now, count
        while len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]
