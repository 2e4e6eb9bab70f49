"""Chooses the pod of a request: the least loaded one, or the one with the prompt's beginning in its cache.

Computing the same beginning on two pods wastes time. So requests with the same beginning go to the same pod,
as long as that pod has no more than its share of the load (consistent hashing with bounded loads, Mirrokni et
al. 2018; here by rendezvous hashing, which needs no ring). Routers do not communicate, yet all of them, also
after a restart, rank the pods of a beginning alike.

Pure and without state, because the simulator runs this very function.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b
from typing import Protocol, TypeVar

# The load that a preferred pod may have, as a multiple of the mean; what KubeAI and the paper use.
LOAD_FACTOR = 1.25
# By this factor a pod's concurrency may exceed the learned one before requests wait for a place. Under
# overload a larger batch still has more throughput. In the simulator 1.25 cost one to three points of
# requests in time, and 3 would win another point for 1.5 times the time between tokens.
OVERCOMMIT = 2.0
_MASK = (1 << 64) - 1


class Target(Protocol):
    """A pod that could take a request."""

    @property
    def seed(self) -> int:
        """`hash64` of the pod's name: its position in every ranking."""
        ...

    @property
    def load(self) -> float:
        """Known requests on the pod, from all sources."""
        ...


T = TypeVar("T", bound=Target)


def hash64(data: bytes) -> int:
    """64 bits that are the same in every process."""
    return int.from_bytes(blake2b(data, digest_size=8).digest())


def pick(targets: Sequence[T], affinity: int, sticky: bool, limit: float = math.inf) -> T | None:
    """The pod for one request, or None if none has fewer than `limit` requests.

    `affinity` is 64 bits. If the request is `sticky` they are a hash of its beginning, and the pod that ranks
    highest for them is taken among those within their share of the load. If not, they are random and only
    decide between pods of the same, least load.
    """
    free = [target for target in targets if target.load < limit]
    if len(free) < 2:
        return free[0] if free else None
    if sticky:
        share = math.ceil(LOAD_FACTOR * (sum(target.load for target in targets) + 1) / len(targets))
        preferred = [target for target in free if target.load + 1 <= share]
        if preferred:
            return max(preferred, key=lambda target: _rank(affinity, target.seed))
    least = min(target.load for target in free)
    idlest = [target for target in free if target.load == least]
    return idlest[0] if len(idlest) == 1 else max(idlest, key=lambda target: _rank(affinity, target.seed))


def concurrency_limit(concurrency: float | None) -> float:
    """The `limit` for pods with this learned concurrency; no limit if it is not known."""
    return math.inf if concurrency is None else max(1, math.ceil(OVERCOMMIT * concurrency))


def _rank(affinity: int, seed: int) -> int:
    """A number that looks random (the finalizer of MurmurHash3)."""
    mixed = affinity ^ seed
    mixed = (mixed ^ (mixed >> 33)) * 0xFF51AFD7ED558CCD & _MASK
    mixed = (mixed ^ (mixed >> 33)) * 0xC4CEB9FE1A85EC53 & _MASK
    return mixed ^ (mixed >> 33)
