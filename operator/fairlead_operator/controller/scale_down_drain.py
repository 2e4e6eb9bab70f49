"""Pods that are about to go: they get nothing new, finish what they have, and may be called back meanwhile.

Kubernetes shrinks a Deployment by deleting pods, and nothing takes a deletion back. So a pod that serves
leaves in two steps. First the model's status tells the routers that it drains, and the Deployment keeps its
size; until then it can be called back. When it has nothing left to do it is let go: the Deployment shrinks,
and the deletion costs make it the one to be deleted.

Kept in memory only. To an operator that starts anew every pod serves, as if all had been called back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from fairlead_operator.controller.autoscaler_inputs import GatewayAnswer
from fairlead_operator.plan.scaling import Parting

# By then the pod's deletion would show; if it does not, another one went and this one stays.
_GONE_SECONDS = 30.0


@dataclass
class _Leave:
    """Times are Unix seconds; `direct` is what the gateway had counted when it began."""

    since: float
    boot: str
    direct: float
    released: float | None = None


class ScaleDownDrain:
    """The pods of one model that leave."""

    def __init__(self) -> None:
        self._leaves: dict[str, _Leave] = {}

    def __bool__(self) -> bool:
        return bool(self._leaves)

    def tell(self) -> Parting:
        """Who leaves, and how far each is."""
        leaves = self._leaves.items()
        return Parting(
            draining=tuple(name for name, leave in leaves if leave.released is None),
            released=tuple(name for name, leave in leaves if leave.released is not None),
        )

    def begin(self, names: Collection[str], answers: Mapping[str, GatewayAnswer], at: float) -> None:
        """These go. One whose gateway does not answer is not waited for."""
        for name in names:
            if name in answers:
                boot, direct = _direct(answers[name])
                self._leaves[name] = _Leave(at, boot, direct)

    def call_back(self, names: Collection[str]) -> None:
        """These serve again, unless they are let go already."""
        for name in names:
            if name in self._leaves and self._leaves[name].released is None:
                del self._leaves[name]

    def release_all(self, at: float) -> None:
        """Nobody waits for them any more."""
        for leave in self._leaves.values():
            leave.released = leave.released or at

    def settle(
        self, serving: Collection[str], answers: Mapping[str, GatewayAnswer], longest: float, at: float
    ) -> None:
        """Lets those go that are through, and forgets those that are gone.

        `serving` are the pods that are ready and not being deleted. A pod that requests reach without a
        router would never be through, and one whose gateway is silent cannot tell; both are let go, and
        finish what they have as every pod does that is deleted. So is one that takes longer than `longest`
        seconds.
        """
        for name, leave in tuple(self._leaves.items()):
            if name not in serving or (leave.released is not None and at - leave.released > _GONE_SECONDS):
                del self._leaves[name]
            elif leave.released is None and _is_through(leave, answers.get(name), longest, at):
                leave.released = at


def _is_through(leave: _Leave, answer: GatewayAnswer | None, longest: float, at: float) -> bool:
    if answer is None or at - leave.since > longest or _direct(answer) != (leave.boot, leave.direct):
        return True
    # What it said before the routers knew does not count.
    return answer.at > leave.since and answer.body.load == 0


def _direct(answer: GatewayAnswer) -> tuple[str, float]:
    return answer.body.boot, answer.body.direct.arrivals
