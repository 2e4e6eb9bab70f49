"""Failures of a model's containers, the last one, and the number of restarts.

A container that crashes while the model serves is restarted within seconds, and then all conditions are as
before. What stays is the kubelet's record (the last end of each container) and `status.lastFailure`, which
also survives the pod.

Intended ends are not failures: those of a pod that is deleted, preempted or drained, or whose node shuts
down, and of an init container that has succeeded.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fairlead_operator.api.names import ENGINE_CONTAINER
from fairlead_operator.bounds import MODEL_FAILURES
from fairlead_operator.objects import is_leaving, is_true
from fairlead_operator.plan.catalogue.reasons import explain
from fairlead_operator.plan.findings import parse_time, timestamp
from fairlead_operator.plan.pods.containers import failed_pod_finding
from fairlead_operator.plan.pods.ends import cause_of, crash_reason, end_finding
from fairlead_operator.plan.pods.view import memory_limit

Object = dict[str, Any]
# A pod that ended because its node shuts down in an orderly way has one of these reasons.
_PLANNED = frozenset({"NodeShutdown", "Shutdown", "Terminated"})
_KINDS = (("initContainerStatuses", True), ("containerStatuses", False))


@dataclass(frozen=True, order=True)
class Failure:
    """One failure, in the order of time. `container` is empty if the pod failed as a whole. `message` is the
    cause, `note` the sentence of an Event. `uid` is the pod's.
    """

    time: datetime
    pod: str
    container: str
    uid: str = ""
    reason: str = field(default="", compare=False)
    message: str = field(default="", compare=False)
    exit_code: int | None = field(default=None, compare=False)
    note: str = field(default="", compare=False)

    @property
    def identity(self) -> str:
        """The same for one failure in every observation of it."""
        return f"{self.uid}/{self.container}/{timestamp(self.time)}"

    @property
    def status(self) -> Object:
        """The failure as `status.lastFailure`."""
        shown: Object = {
            "time": timestamp(self.time),
            "pod": self.pod,
            "reason": self.reason,
            "message": self.message,
        }
        if self.container:
            shown["container"] = self.container
        if self.exit_code is not None:
            shown["exitCode"] = self.exit_code
        return shown


def observed_failures(pods: Iterable[Object]) -> tuple[Failure, ...]:
    """The failures that the pods still show, oldest first; at most the newest MODEL_FAILURES."""
    found = (failure for pod in pods for failure in _failures(pod))
    return tuple(sorted(heapq.nlargest(MODEL_FAILURES, found)))


def last_failure(stored: Object | None, failures: Iterable[Failure]) -> Object | None:
    """`status.lastFailure`: the newest failure, or the stored one while none is newer."""
    newest = max(failures, default=None)
    return newest.status if newest and is_newer(newest, stored) else stored


def is_newer(failure: Failure, stored: Object | None) -> bool:
    """Whether a failure came after the one in a status. Times are whole seconds, so names decide between
    equal ones.
    """
    before = parse_time((stored or {}).get("time"))
    if not stored or not before:
        return True
    key = parse_time(timestamp(failure.time)), failure.pod, failure.container
    return key > (before, str(stored.get("pod", "")), str(stored.get("container", "")))


def count_restarts(pods: Iterable[Object]) -> int:
    """How often containers of the pods were restarted, without pods that are on their way out."""
    return sum(
        int(container.get("restartCount") or 0)
        for pod in pods
        if not is_leaving(pod)
        for kind, _ in _KINDS
        for container in pod.get("status", {}).get(kind) or []
    )


def _failures(pod: Object) -> Iterator[Failure]:
    status = pod.get("status", {})
    if status.get("phase") == "Failed":
        if failure := _failure_of_pod(pod):
            yield failure
        return
    for kind, init in _KINDS:
        for container in status.get(kind) or []:
            for end in _unplanned_ends(pod, container, init):
                yield from _failure_of_container(pod, container, end, init)


def _unplanned_ends(pod: Object, container: Object, init: bool) -> Iterator[Object]:
    """The ends of a container that were not intended. No container of a pod that is deleted starts again, so
    an end before the present state came before the deletion.
    """
    states = [container.get("lastState", {})]
    if not is_leaving(pod) and not is_true(pod, "DisruptionTarget"):
        states.append(container.get("state", {}))
    for end in (state.get("terminated") for state in states):
        # The launcher passes on code 0 of an engine that was stopped by a probe.
        if end and (end.get("exitCode") or (container.get("name") == ENGINE_CONTAINER and not init)):
            yield end


def _failure_of_container(pod: Object, container: Object, end: Object, init: bool) -> Iterator[Failure]:
    name, time = container["name"], parse_time(end.get("finishedAt"))
    if time is None:
        return
    metadata, limit, crashed = pod["metadata"], memory_limit(pod, name), crash_reason(name, init)
    cause = cause_of(container, end, crashed, limit)
    finding = end_finding(container, end, metadata["name"], crashed, limit)
    code = end.get("exitCode")
    yield Failure(
        time=time,
        pod=metadata["name"],
        container=name,
        uid=str(metadata.get("uid", "")),
        reason=cause.reason,
        message=cause.text,
        exit_code=code if isinstance(code, int) else None,
        note=explain(finding.reason, finding.message),
    )


def _failure_of_pod(pod: Object) -> Failure | None:
    """A pod that the kubelet ended, for example by eviction."""
    metadata, status = pod["metadata"], pod["status"]
    if is_leaving(pod) or status.get("reason") in _PLANNED:
        return None
    ends = [
        container.get("state", {}).get("terminated", {}).get("finishedAt")
        for kind, _ in _KINDS
        for container in status.get(kind) or []
    ]
    changes = [item.get("lastTransitionTime") for item in status.get("conditions") or []]
    times = [time for text in ends if (time := parse_time(text))] or [
        time for text in (*changes, metadata.get("creationTimestamp")) if (time := parse_time(text))
    ]
    if not times:
        return None
    finding = failed_pod_finding(pod)
    if finding.reason == "Preempted":
        return None
    return Failure(
        time=max(times),
        pod=metadata["name"],
        container="",
        uid=str(metadata.get("uid", "")),
        reason=finding.reason,
        message=finding.message,
        note=explain(finding.reason, finding.message),
    )
