"""Writes Kubernetes Events with a bounded rate.

One Event object per (object, reason, note): its name is derived from them, so that a repetition, also after a
restart of the operator, raises the count of the same object. Repetitions within five minutes are not written
at all. Notes contain pods' names, which change with each eviction or rollout, so a model that flaps would
still cause Events without end. So each reason of a model has a small burst, then one Event in five minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from fairlead_contract.names import GROUP
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.errors import ConflictError
from fairlead_operator.kube.resources import EVENT
from fairlead_operator.recent import remember
from fairlead_operator.render.hashing import digest

Object = dict[str, Any]

_QUIET_SECONDS = 300.0
# Events of one reason about one object: this many at once, and one more after each quiet time.
_BURST = 5.0
_REMEMBERED = 4096
# Limits of the API, which counts bytes.
_NOTE_BYTES = 1024
_REASON_BYTES = 128


class EventRecorder:
    """Writes Events about objects. `instance` names this process, for example its pod."""

    def __init__(
        self, client: KubeClient, instance: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._instance = instance
        self._clock = clock
        self._recorded: dict[str, tuple[float, int]] = {}
        self._budgets: dict[str, tuple[float, float]] = {}

    async def record(self, regarding: Object, kind: str, reason: str, note: str) -> None:
        """Writes an event of `kind` Normal or Warning about an object. Raises KubeError."""
        note, reason = _cut(note, _NOTE_BYTES), _cut(reason, _REASON_BYTES)
        metadata = regarding["metadata"]
        name = f"{metadata['name']}.{digest([metadata['uid'], reason, note])}"
        now = self._clock()
        before, count = self._recorded.get(name, (-_QUIET_SECONDS, 0))
        if now - before < _QUIET_SECONDS:
            return
        if not self._is_within_budget(f"{metadata['uid']}/{reason}", now):
            return
        remember(self._recorded, name, (now, count + 1), _REMEMBERED)
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
            "reportingController": f"{GROUP}/operator",
            "reportingInstance": self._instance,
        }

    def _is_within_budget(self, budget: str, now: float) -> bool:
        """Takes one Event from a budget; False if it is used up."""
        left, since = self._budgets.get(budget, (_BURST, now))
        left = min(_BURST, left + (now - since) / _QUIET_SECONDS)
        remember(self._budgets, budget, (left - 1 if left >= 1 else left, now), _REMEMBERED)
        return left >= 1


def _cut(text: str, size: int) -> str:
    """The beginning of a text that has at most so many bytes in UTF-8."""
    return text.encode(errors="replace")[:size].decode(errors="ignore")
