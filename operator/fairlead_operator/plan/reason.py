"""What the catalogue of reasons is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ConditionReason:
    """One word that a condition of ours can carry.

    `remedy` is part of every message with this reason, so it is short. `stalled`: waiting changes nothing, a
    human has to act; `stalled_if_repeated`: only when it happens again and again. `healthy`: no cause for
    concern, told by a Normal event instead of a Warning. `source`: where it is found out.

    What is missing but may be on its way with the same `kubectl apply` (a Secret, a ConfigMap, a claim), what
    others may give back (room, quota) and what a network may do again is not stalled: tools that take Stalled
    for a failure would give up on it.
    """

    name: str
    meaning: str
    remedy: str
    source: str = "operator"
    stalled: bool = False
    stalled_if_repeated: bool = False
    healthy: bool = False
