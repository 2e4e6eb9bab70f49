"""Drains pods before a scale-down deletes them. A draining pod gets no new requests and can be called back.

Kubernetes shrinks a Deployment by deleting pods, and a deletion cannot be reverted. So a ready pod is removed
in two steps. First the model's status marks it as draining for the routers, and the Deployment keeps its
size. In this step it can be called back. When it has no request left it is released: the Deployment shrinks,
and the deletion costs select this pod.

The state is kept in memory only. After a restart of the operator every pod serves, as if all had been called
back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from fairlead_operator.controller.autoscaler_inputs import GatewayAnswer
from fairlead_operator.plan.scaling.replicas import DrainState

# By then the pod's deletion would be visible. Otherwise another pod was deleted and this one stays.
_GONE_SECONDS = 30.0


@dataclass
class _Drain:
    """Times are Unix seconds; `direct` is the gateway's count of direct requests when the drain began."""

    since: float
    boot: str
    direct: float
    released: float | None = None


class ScaleDownDrain:
    """The draining and released pods of one model."""

    def __init__(self) -> None:
        self._drains: dict[str, _Drain] = {}

    def __bool__(self) -> bool:
        return bool(self._drains)

    def state(self) -> DrainState:
        """The draining and the released pods."""
        drains = self._drains.items()
        return DrainState(
            draining=tuple(name for name, drain in drains if drain.released is None),
            released=tuple(name for name, drain in drains if drain.released is not None),
        )

    def begin(self, names: Collection[str], answers: Mapping[str, GatewayAnswer], at: float) -> None:
        """Starts to drain pods. A pod whose gateway does not answer is not waited for."""
        for name in names:
            if name in answers:
                boot, direct = _direct(answers[name])
                self._drains[name] = _Drain(at, boot, direct)

    def call_back(self, names: Collection[str]) -> None:
        """Lets draining pods serve again, unless they are already released."""
        for name in names:
            if name in self._drains and self._drains[name].released is None:
                del self._drains[name]

    def release_all(self, at: float) -> None:
        """Releases all draining pods."""
        for drain in self._drains.values():
            drain.released = drain.released or at

    def settle(
        self, serving: Collection[str], answers: Mapping[str, GatewayAnswer], longest: float, at: float
    ) -> None:
        """Releases the pods that have finished, and forgets the deleted ones.

        `serving` are the pods that are ready and not being deleted. A pod that requests reach without a
        router would never finish, and with a silent gateway it is not known. Both are released, and finish
        their requests as every deleted pod does. The same holds after `longest` seconds.
        """
        for name, drain in tuple(self._drains.items()):
            if name not in serving or (drain.released is not None and at - drain.released > _GONE_SECONDS):
                del self._drains[name]
            elif drain.released is None and _is_through(drain, answers.get(name), longest, at):
                drain.released = at


def _is_through(drain: _Drain, answer: GatewayAnswer | None, longest: float, at: float) -> bool:
    if answer is None or at - drain.since > longest or _direct(answer) != (drain.boot, drain.direct):
        return True
    # An answer from before the drain began does not count.
    return answer.at > drain.since and answer.body.load == 0


def _direct(answer: GatewayAnswer) -> tuple[str, float]:
    return answer.body.boot, answer.body.direct.arrivals
