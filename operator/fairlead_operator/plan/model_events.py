"""The Events that are recorded about a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fairlead_operator.objects import condition
from fairlead_operator.plan.catalogue.reasons import is_healthy
from fairlead_operator.plan.children.contest import CONDITION as CONTESTED
from fairlead_operator.plan.scaling.status import scaling_note
from fairlead_operator.plan.served_names import CONDITION as SERVED_NAME_TAKEN
from fairlead_operator.render.model import Model

Object = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """An Event about the model: `kind` is Normal or Warning, `reason` one word, `note` a sentence."""

    kind: str
    reason: str
    note: str


def model_events(
    model: Model, status: Object, actions: Sequence[str], scaling: Object | None
) -> tuple[Event, ...]:
    """Events about what is done (`actions`), about another number of replicas, and about reasons in the new
    `status` that the model's last one does not have.
    """
    events = [Event("Normal", "Applied", "; ".join(actions))] if actions else []
    if note := scaling_note(model, scaling):
        events.append(Event("Normal", *note))
    before, after = condition(model.status, "Ready"), condition(status, "Ready")
    if before.get("reason") != after["reason"]:
        kind = "Normal" if is_healthy(after["reason"]) else "Warning"
        events.append(Event(kind, after["reason"], after["message"]))
    taken = condition(status, SERVED_NAME_TAKEN)
    if taken and taken["message"] != condition(model.status, SERVED_NAME_TAKEN).get("message"):
        events.append(Event("Warning", taken["reason"], taken["message"]))
    contested = condition(status, CONTESTED)
    if contested and not condition(model.status, CONTESTED):
        events.append(Event("Warning", contested["reason"], contested["message"]))
    return tuple(events)
