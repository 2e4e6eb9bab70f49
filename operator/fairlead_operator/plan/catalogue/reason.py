"""The types of the catalogue of reasons."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ConditionReason:
    """One reason of the operator's conditions.

    `remedy` is part of every message with this reason, so it is short. `stalled`: waiting changes nothing, a
    human has to act; `stalled_if_repeated`: only when it happens again and again. `healthy`: no cause for
    concern, reported by a Normal event instead of a Warning. `source`: which program detects it.

    Three kinds are not stalled: objects that may come with the same `kubectl apply` (a Secret, a ConfigMap, a
    claim), resources that others may free (room, quota), and network failures. Tools that take Stalled for a
    failure would give up on them.
    """

    name: str
    meaning: str
    remedy: str
    source: str = "operator"
    stalled: bool = False
    stalled_if_repeated: bool = False
    healthy: bool = False
