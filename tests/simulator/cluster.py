"""The pods of one model: created, scheduled when a GPU is free, started, drained, deleted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.simulator.plane import Plane
from tests.simulator.workloads import Trouble

# Of the logarithm of a cold start: nine of ten are within a factor of 1.4 of the median.
COLD_START_SPREAD = 0.2


@dataclass
class Pod:
    """One pod. Times are seconds; None: not yet."""

    name: str
    created: float
    cold_start: float
    """Seconds from scheduled to ready."""
    scheduled: float | None = None
    place: int | None = None
    """Where the data plane has it; None: it is not ready."""
    ready: float | None = None
    draining_since: float | None = None

    @property
    def due(self) -> float:
        """When it becomes ready; infinite while unknown."""
        waits = self.scheduled is None or self.place is not None
        return math.inf if waits else (self.scheduled or 0.0) + self.cold_start


class SimulatedCluster:
    """Does what an autoscaler orders, as Kubernetes would.

    `cold_start` is the median in seconds. The n-th pod takes equally long under every autoscaler, so that
    luck is the same for all. GPU seconds count from scheduled to deleted, within the counted time.
    """

    def __init__(
        self,
        plane: Plane,
        trouble: Trouble,
        cold_start: float,
        drain_seconds: float,
        counted: tuple[float, float],
    ) -> None:
        self.pods: list[Pod] = []
        self.created = 0
        self.gpu_seconds = 0.0
        self.most_unschedulable = 0
        self._plane, self._trouble = plane, trouble
        self._cold_start, self._drain_seconds = cold_start, drain_seconds
        self._counted = counted
        self._rng = np.random.default_rng(20231116)

    def begin(self, replicas: int) -> None:
        """Pods that have just become ready."""
        for _ in range(replicas):
            pod = self._create(0.0)
            pod.created = pod.scheduled = -pod.cold_start
            pod.ready = 0.0
            pod.place = self._plane.add()

    def active(self) -> list[Pod]:
        """Pods that are not draining, oldest first."""
        return [pod for pod in self.pods if pod.draining_since is None]

    def unschedulable(self) -> int:
        """Pods without a GPU."""
        return sum(pod.scheduled is None for pod in self.pods)

    def next_event(self) -> float:
        """When the next pod becomes ready, as far as known."""
        return min((pod.due for pod in self.pods), default=math.inf)

    def scale(self, now: float, replicas: int, removal: Sequence[str], recall: Sequence[str]) -> None:
        """Creates or takes away until so many pods are not draining: recalled ones before new ones,
        those named in `removal` first, then as a ReplicaSet chooses."""
        by_name = {pod.name: pod for pod in self.pods}
        missing = replicas - len(self.active())
        for name in recall[: max(0, missing)]:
            self._recall(by_name[name])
        named = [by_name[name] for name in removal if name in by_name]
        rest = [pod for pod in sorted(self.active(), key=_victim_first) if pod not in named]
        for pod in [*named, *rest][: max(0, -missing)]:
            self._take_away(pod, now)
        for _ in range(replicas - len(self.active())):
            self._create(now)
        self.advance(now)

    def advance(self, now: float) -> None:
        """Deletes what is drained, schedules what has room, lets serve what is ready."""
        for pod in [pod for pod in self.pods if pod.draining_since is not None]:
            self._delete_if_drained(pod, now)
        free = self._trouble.gpus - sum(pod.scheduled is not None for pod in self.pods)
        for pod in [pod for pod in self.pods if pod.scheduled is None][: max(0, free)]:
            pod.scheduled = now
        for pod in self.pods:
            if pod.due <= now:
                pod.ready = now
                pod.place = self._plane.add()
        self.most_unschedulable = max(self.most_unschedulable, self.unschedulable())

    def end(self, now: float) -> None:
        """Counts the GPU time of those that are still there."""
        for pod in self.pods:
            self._count(pod, now)

    def _create(self, now: float) -> Pod:
        factor = self._trouble.cold_start_factor if now >= self._trouble.cold_start_from else 1.0
        luck = float(self._rng.lognormal(0.0, COLD_START_SPREAD))
        pod = Pod(f"pod-{self.created}", now, self._cold_start * factor * luck)
        self.created += 1
        self.pods.append(pod)
        return pod

    def _recall(self, pod: Pod) -> None:
        if pod.place is not None and pod.draining_since is not None:
            pod.draining_since = None
            self._plane.recall(pod.place)

    def _take_away(self, pod: Pod, now: float) -> None:
        if pod.place is None:
            self._delete(pod, now)
        else:
            pod.draining_since = now
            self._plane.drain(pod.place)

    def _delete_if_drained(self, pod: Pod, now: float) -> None:
        assert pod.place is not None
        assert pod.draining_since is not None
        gauge = self._plane.gauge(pod.place)
        if gauge.in_flight == 0:
            self._delete(pod, max(gauge.idle_since, pod.draining_since))
        elif now >= pod.draining_since + self._drain_seconds:
            self._delete(pod, now)

    def _delete(self, pod: Pod, at: float) -> None:
        if pod.place is not None:
            self._plane.remove(pod.place)
        self.pods.remove(pod)
        self._count(pod, at)

    def _count(self, pod: Pod, until: float) -> None:
        if pod.scheduled is not None:
            begin, end = max(pod.scheduled, self._counted[0]), min(until, self._counted[1])
            self.gpu_seconds += max(0.0, end - begin)


def _victim_first(pod: Pod) -> tuple[bool, bool, float]:
    """A ReplicaSet's order: without a node, not ready, youngest."""
    return (pod.scheduled is not None, pod.ready is not None, -pod.created)
