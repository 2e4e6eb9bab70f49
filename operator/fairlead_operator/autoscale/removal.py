"""Which pods go first, and which draining ones come back.

Those that serve nobody go first: pods without a node, pods that will not start, then the youngest of those
that are starting. Of those that serve, old revisions go first, then the idlest; of equally idle ones the
younger, whose prefix cache is the emptier.
"""

from __future__ import annotations

from fairlead_operator.autoscale.census import Census
from fairlead_operator.autoscale.inputs import Pod


def removal(census: Census, replicas: int) -> tuple[str, ...]:
    """Names of the pods that are too many, first to go first."""
    order = [
        *_youngest_first(census.unschedulable),
        *_youngest_first(census.unplaced),
        *_youngest_first(census.stuck),
        *_youngest_first(census.starting),
        *sorted(census.ready, key=_value),
    ]
    return tuple(pod.name for pod in order[: max(0, len(order) - replicas)])


def recall(census: Census, replicas: int) -> tuple[str, ...]:
    """Names of the draining pods that serve again: the busiest, which are furthest from leaving."""
    missing = max(0, replicas - len(census.active))
    able = [
        pod
        for pod in census.draining
        if pod.ready is not None and not (pod.deleted or pod.stuck or pod.outdated)
    ]
    able.sort(key=lambda pod: (-(pod.in_flight or 0), pod.created, pod.name))
    return tuple(pod.name for pod in able[:missing])


def _value(pod: Pod) -> tuple[bool, float, float, str]:
    """One that does not tell its load is taken to be full."""
    load = float("inf") if pod.in_flight is None else float(pod.in_flight)
    return not pod.outdated, load, -pod.created, pod.name


def _youngest_first(pods: tuple[Pod, ...]) -> list[Pod]:
    return sorted(pods, key=lambda pod: (-pod.created, pod.name))
