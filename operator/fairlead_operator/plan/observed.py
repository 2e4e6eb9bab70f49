"""What is observed of one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairlead_operator.api.names import REVISION
from fairlead_operator.plan.podreport import PodReport
from fairlead_operator.plan.scaling import Scaling

Object = dict[str, Any]


@dataclass(frozen=True)
class Observed:
    """The live world of one model: its children (owned, labelled, or merely of a child's name), its pods,
    Events about pods that wait for a node or for their volumes, by pod what gateways tell (`/status`),
    what the autoscaler says, None where it has not decided yet, and the names that other models have, each
    with the NAMESPACE/NAME of its holder.
    """

    children: tuple[Object, ...] = ()
    pods: tuple[Object, ...] = ()
    events: tuple[Object, ...] = ()
    reports: Mapping[str, PodReport] = field(default_factory=dict)
    scaling: Scaling | None = None
    taken: Mapping[str, str] = field(default_factory=dict)


def identity(body: Object) -> tuple[str, str]:
    """Kind and name of an object."""
    return body["kind"], body["metadata"]["name"]


def controller_of(body: Object) -> Object:
    """The owner reference of an object's controller, {} if it has none."""
    owners = body["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), {})


def live_revision(body: Object) -> str | None:
    """The revision that a live pod, or a workload's pod template, carries; None without one."""
    found: str | None = (body.get("metadata", {}).get("annotations") or {}).get(REVISION)
    return found


def is_leaving(body: Object) -> bool:
    """Whether an object is on its way out. A pod that is still has its room, and will give it back."""
    return bool(body["metadata"].get("deletionTimestamp"))
