"""The pods of a model by state: which are removed first, and which draining ones are called back.

Pods that serve no request go first: pods without a node, pods that will not start, then the youngest starting
pods. Of ready pods, old revisions go first, then those with the fewest requests. Of equal ones the younger
goes, because its prefix cache is emptier.
"""

from __future__ import annotations

from dataclasses import dataclass

from fairlead_operator.autoscale.cold_starts import ColdStarts
from fairlead_operator.autoscale.inputs import Observation, ObservedPod


@dataclass(frozen=True, slots=True)
class PodCounts:
    """Each pod is in exactly one group."""

    ready: tuple[ObservedPod, ...]
    starting: tuple[ObservedPod, ...]
    """Have a node and are starting."""
    unplaced: tuple[ObservedPod, ...]
    """Created; the scheduler has not decided yet."""
    unschedulable: tuple[ObservedPod, ...]
    stuck: tuple[ObservedPod, ...]
    draining: tuple[ObservedPod, ...]

    @property
    def scheduled(self) -> int:
        """Pods that hold a node."""
        return len(self.ready) + len(self.starting) + len(self.stuck)

    @property
    def active(self) -> tuple[ObservedPod, ...]:
        """All that count towards the replicas."""
        return (*self.ready, *self.starting, *self.unplaced, *self.unschedulable, *self.stuck)


def count(observation: Observation, cold_starts: ColdStarts) -> PodCounts:
    """Sort the pods."""
    groups: dict[str, list[ObservedPod]] = {
        name: [] for name in ("ready", "starting", "unplaced", "unschedulable", "stuck", "draining")
    }
    for pod in observation.pods:
        groups[_group(pod, observation.at, cold_starts)].append(pod)
    return PodCounts(**{name: tuple(pods) for name, pods in groups.items()})


def _group(pod: ObservedPod, at: float, cold_starts: ColdStarts) -> str:
    if pod.draining:
        return "draining"
    if pod.ready is not None:
        return "ready"
    if pod.scheduled is None:
        return "unschedulable" if pod.unschedulable else "unplaced"
    return "stuck" if cold_starts.is_stuck(pod, at) else "starting"


def removal(pod_counts: PodCounts, replicas: int) -> tuple[str, ...]:
    """Names of the surplus pods, in the order of their removal."""
    order = [
        *_youngest_first(pod_counts.unschedulable),
        *_youngest_first(pod_counts.unplaced),
        *_youngest_first(pod_counts.stuck),
        *_youngest_first(pod_counts.starting),
        *sorted(pod_counts.ready, key=_value),
    ]
    return tuple(pod.name for pod in order[: max(0, len(order) - replicas)])


def recall(pod_counts: PodCounts, replicas: int) -> tuple[str, ...]:
    """Names of the draining pods that serve again: those with the most requests, which would take longest."""
    missing = max(0, replicas - len(pod_counts.active))
    able = [
        pod
        for pod in pod_counts.draining
        if pod.ready is not None and not (pod.deleted or pod.stuck or pod.outdated)
    ]
    able.sort(key=lambda pod: (-(pod.in_flight or 0), pod.created, pod.name))
    return tuple(pod.name for pod in able[:missing])


def _value(pod: ObservedPod) -> tuple[bool, float, float, str]:
    """A pod whose load is unknown counts as full."""
    load = float("inf") if pod.in_flight is None else float(pod.in_flight)
    return not pod.outdated, load, -pod.created, pod.name


def _youngest_first(pods: tuple[ObservedPod, ...]) -> list[ObservedPod]:
    return sorted(pods, key=lambda pod: (-pod.created, pod.name))
