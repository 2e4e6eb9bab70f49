"""Reports each failure of a model's containers once: as an Event and in a counter.

After a start of the operator, `status.lastFailure` says what was reported before. From then on the failures
themselves are remembered: several pods may fail between two reconciles, and their nodes' clocks differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fairlead_operator.api.names import ENGINE_CONTAINER, GATEWAY_CONTAINER, WEIGHTS_CONTAINER
from fairlead_operator.bounds import MODEL_FAILURES
from fairlead_operator.controller.child_index import Key
from fairlead_operator.objects import condition
from fairlead_operator.plan.catalogue.reasons import CATALOGUE
from fairlead_operator.plan.model_events import Event
from fairlead_operator.plan.planner import Plan
from fairlead_operator.plan.pods.failures import Failure, is_newer
from fairlead_operator.recent import remember
from fairlead_operator.telemetry import MODEL_FAILURES_TOTAL

Object = dict[str, Any]
# Values of the counter's label `container`. Users name further containers as they like.
_CONTAINERS = frozenset({"", GATEWAY_CONTAINER, ENGINE_CONTAINER, WEIGHTS_CONTAINER})
_OTHER = "other"


class FailureReporter:
    """Remembers the reported failures of each model."""

    def __init__(self) -> None:
        self._reported: dict[Key, dict[str, None]] = {}
        self._labels: dict[Key, set[tuple[str, ...]]] = {}

    def report(self, body: Object, planned: Plan) -> list[Event]:
        """Counts the failures of a model that are new, and returns the Events about them. A failure that is
        why the model is not Ready now is reported by the condition's own Event.
        """
        key = body["metadata"]["namespace"], body["metadata"]["name"]
        new = self._new(key, (body.get("status") or {}).get("lastFailure"), planned.failures)
        for failure in new:
            self._count(key, failure)
        ready = condition(planned.status, "Ready")
        return [
            Event("Warning", failure.reason, failure.note)
            for failure in new
            if failure.reason != ready.get("reason") or failure.pod not in ready.get("message", "")
        ]

    def drop(self, key: Key) -> None:
        """Removes the memory and the counters of a deleted model."""
        self._reported.pop(key, None)
        for labels in self._labels.pop(key, ()):
            MODEL_FAILURES_TOTAL.remove(*labels)

    def _new(self, key: Key, stored: Object | None, failures: Iterable[Failure]) -> list[Failure]:
        first = key not in self._reported
        reported = self._reported.setdefault(key, {})
        new = []
        for failure in failures:
            if failure.identity not in reported and (not first or is_newer(failure, stored)):
                new.append(failure)
            remember(reported, failure.identity, None, MODEL_FAILURES)
        return new

    def _count(self, key: Key, failure: Failure) -> None:
        container = failure.container if failure.container in _CONTAINERS else _OTHER
        reason = failure.reason if failure.reason in CATALOGUE else _OTHER
        labels = (*key, container, reason)
        self._labels.setdefault(key, set()).add(labels)
        MODEL_FAILURES_TOTAL.labels(*labels).inc()
