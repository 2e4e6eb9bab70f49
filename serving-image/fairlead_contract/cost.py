"""What the use of accelerators costs, and who used them.

Accelerators cost as long as pods hold them. The keys of a model share what its accelerators did for them, by
the time that their requests took, as the learned cost of the engine's steps says it. The rest of the time the
accelerators were idle, and that is a line of its own. So all lines of a model are what its accelerators cost,
however well the learned cost fits: where it says more than was held, all shares are cut alike.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

SECONDS_PER_HOUR = 3600
HolderT = TypeVar("HolderT", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Shares(Generic[HolderT]):
    """Accelerator-seconds of a model in one hour: those of each holder, and those that were idle."""

    used: Mapping[HolderT, float]
    idle: float


def shares(held: float, work: Mapping[HolderT, float]) -> Shares[HolderT]:
    """Splits the accelerator-seconds that a model's pods have held. `work` are the accelerator-seconds that
    each holder's requests took by the learned cost. None of the numbers is negative.
    """
    total = sum(work.values())
    scale = min(1.0, held / total) if total > 0 else 0.0
    return Shares({holder: seconds * scale for holder, seconds in work.items()}, max(0.0, held - total))


def cost(accelerator_seconds: float, price_per_hour: float) -> float:
    """In the currency of the price, which is that of one accelerator for an hour."""
    return accelerator_seconds / SECONDS_PER_HOUR * price_per_hour
