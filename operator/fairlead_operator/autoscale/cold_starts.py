"""Learns how long pods take to start, and predicts when starting pods will be ready.

A start has two parts: until the pod has a node, and from there until it takes requests. The part that a pod
has finished does not enter its prediction. Starts of another kind (another image, other weights, another
accelerator) count only while there is none of the present kind.
"""

from __future__ import annotations

from collections.abc import Iterable

from fairlead_contract.defaults import START_SECONDS
from fairlead_operator.autoscale.inputs import ObservedPod
from fairlead_operator.autoscale.memory import Start
from fairlead_operator.autoscale.statistics import quantile

KEPT = 20
# Seconds, while no start was observed: a model of some billion parameters from a warm disk.
PRIOR = float(START_SECONDS)
SHORTEST = 1.0
# A pod that takes several times as long as the slow starts will not become ready. The first pod of a model
# downloads its weights, so without an earlier start none is stuck before this many seconds.
STUCK_FACTOR, STUCK_WITHOUT_SAMPLES, STUCK_AT_LEAST = 3.0, 1800.0, 60.0


def alike(starts: tuple[Start, ...], kind: str) -> tuple[Start, ...]:
    """The starts of this kind; all starts if there is none."""
    return tuple(start for start in starts if start.kind == kind) or starts


class ColdStarts:
    """The last twenty starts."""

    def __init__(self, starts: Iterable[Start] = ()) -> None:
        self.starts: tuple[Start, ...] = tuple(starts)[-KEPT:]
        self._alike = self.starts
        self._known: frozenset[str] | None = None

    def observe(self, pods: tuple[ObservedPod, ...], kind: str = "") -> None:
        """Learn from pods that have become ready since the last time; `kind` is that of pods up to date.

        Pods that are ready at the first call are in the memory already, or their start was not observed.
        """
        known = frozenset(pod.name for pod in pods) if self._known is None else self._known
        for pod in pods:
            if pod.ready is None or pod.name in known or pod.outdated:
                continue
            scheduled = pod.scheduled if pod.scheduled is not None else pod.created
            start = Start(max(0.0, scheduled - pod.created), max(0.0, pod.ready - scheduled), kind)
            self.starts = (*self.starts, start)[-KEPT:]
        self._alike = alike(self.starts, kind)
        self._known = frozenset(
            pod.name for pod in pods if pod.ready is not None or pod.name in (self._known or ())
        )

    def total(self, share: float) -> float:
        """Quantile of the seconds from a pod's creation to its first request."""
        return quantile([start.seconds for start in self._alike], share) if self._alike else PRIOR

    def remaining(self, pod: ObservedPod, at: float) -> float:
        """Seconds until a starting pod is ready, with a probability of nine in ten for pods that got this
        far."""
        if pod.scheduled is None:
            return max(0.0, self.total(0.9) - (at - pod.created))
        age = at - pod.scheduled
        seen = [start.from_node for start in self._alike] or [PRIOR]
        longer = [seconds for seconds in seen if seconds > age]
        if longer:
            return quantile(longer, 0.9) - age
        # Slower than all before it: the longer it has taken, the longer it will still take.
        return 0.25 * age

    def lead(self, pods: Iterable[ObservedPod], at: float) -> float:
        """Seconds from the decision to a ready pod: the 90 % quantile, or longer if a present start is."""
        ages = [at - pod.created for pod in pods]
        return max([SHORTEST, self.total(0.9), *ages])

    def is_stuck(self, pod: ObservedPod, at: float) -> bool:
        """Whether a pod that has a node has taken too long to be expected to become ready."""
        if pod.stuck:
            return True
        if pod.scheduled is None or pod.ready is not None:
            return False
        seen = [start.from_node for start in self._alike]
        bound = STUCK_FACTOR * quantile(seen, 0.9) if seen else STUCK_WITHOUT_SAMPLES
        return at - pod.scheduled > max(STUCK_AT_LEAST, bound)
