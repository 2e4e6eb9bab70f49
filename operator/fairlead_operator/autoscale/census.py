"""The pods of a model, sorted by what they are good for."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead_operator.autoscale.cold_starts import ColdStarts
from fairlead_operator.autoscale.inputs import Observation, Pod


@dataclass(frozen=True, slots=True)
class Census:
    """Each pod is in exactly one group."""

    ready: tuple[Pod, ...]
    starting: tuple[Pod, ...]
    """Have a node and are on their way."""
    unplaced: tuple[Pod, ...]
    """Created; the scheduler has not said anything yet."""
    unschedulable: tuple[Pod, ...]
    stuck: tuple[Pod, ...]
    draining: tuple[Pod, ...]

    @property
    def scheduled(self) -> int:
        """Pods that hold a node."""
        return len(self.ready) + len(self.starting) + len(self.stuck)

    @property
    def active(self) -> tuple[Pod, ...]:
        """All that count towards the replicas."""
        return (*self.ready, *self.starting, *self.unplaced, *self.unschedulable, *self.stuck)


def count(observation: Observation, cold_starts: ColdStarts) -> Census:
    """Sort the pods."""
    groups: dict[str, list[Pod]] = {
        name: [] for name in ("ready", "starting", "unplaced", "unschedulable", "stuck", "draining")
    }
    for pod in observation.pods:
        groups[_group(pod, observation.at, cold_starts)].append(pod)
    return Census(**{name: tuple(pods) for name, pods in groups.items()})


def _group(pod: Pod, at: float, cold_starts: ColdStarts) -> str:
    if pod.draining:
        return "draining"
    if pod.ready is not None:
        return "ready"
    if pod.scheduled is None:
        return "unschedulable" if pod.unschedulable else "unplaced"
    return "stuck" if cold_starts.is_stuck(pod, at) else "starting"
