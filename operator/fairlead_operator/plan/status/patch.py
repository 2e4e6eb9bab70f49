"""The patch of a status: only the operator's own part.

Other writers add conditions of their own types, and fields of a newer API version. Both must survive, so they
are neither removed nor counted as a difference.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from fairlead_operator.api.status import ModelDeploymentStatus
from fairlead_operator.objects import other_conditions

Object = dict[str, Any]

# Types that the operator writes, or wrote in an earlier state of the model: the rest belongs to others.
OWN_CONDITIONS = frozenset(
    {
        "CapacityAvailable",
        "Contested",
        "EngineReady",
        "Ready",
        "Reconciling",
        "ScalingActive",
        "ScalingLimited",
        "Scheduled",
        "ServedNameTaken",
        "Stalled",
        "WeightsReady",
    }
)


def status_change(stored: Object, planned: Object) -> Object:
    """The JSON merge patch that brings the stored status to the planned one; empty if nothing differs."""
    merged = {**planned, "conditions": _with_others(stored, planned)} if "conditions" in planned else planned
    return _change(stored, merged, ModelDeploymentStatus)


def _with_others(stored: Object, planned: Object) -> list[Object]:
    """The planned conditions and those of other writers: a merge patch replaces the list as a whole."""
    ours: list[Object] = planned["conditions"]
    types = OWN_CONDITIONS | {item["type"] for item in ours}
    return [*ours, *other_conditions(stored, types)]


def _change(stored: Object, planned: Object, known: type[BaseModel]) -> Object:
    parts = {field.alias or name: _part(field.annotation) for name, field in known.model_fields.items()}
    change: Object = {name: None for name in stored if name in parts and name not in planned}
    for name, value in planned.items():
        before, part = stored.get(name), parts.get(name)
        if part and isinstance(before, dict) and isinstance(value, dict):
            if inner := _change(before, value, part):
                change[name] = inner
        elif before != value:
            change[name] = value
    return change


def _part(annotation: Any) -> type[BaseModel] | None:
    """The model behind `Model` or `Model | None`; None for other types, which are replaced as a whole."""
    types = getattr(annotation, "__args__", (annotation,))
    return next((item for item in types if isinstance(item, type) and issubclass(item, BaseModel)), None)
