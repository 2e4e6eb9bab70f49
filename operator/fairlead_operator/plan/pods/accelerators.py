"""The accelerators that a pod holds, from its limits and its claims.

A pod holds them from the time when it is bound to a node until it has ended, whether its engine serves or
not: nothing else can use them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from fairlead_operator.objects import condition_of
from fairlead_operator.plan.findings import parse_time
from fairlead_operator.render.quantity import quantity_value

Object = dict[str, Any]


def bound_since(pod: Object) -> float | None:
    """Unix seconds since when the pod holds its resources; None if it has no node or has ended."""
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled.get("status") != "True" or pod["status"].get("phase") in ("Failed", "Succeeded"):
        return None
    time = parse_time(scheduled.get("lastTransitionTime"))
    return time.timestamp() if time else None


def held_accelerators(pod: Object, claim_templates: Mapping[str, Object], resource: str) -> dict[str, int]:
    """Numbers of devices of a pod (as `view_own_pod` gives it) by extended resource or device class.

    `resource` is the one that the spec names: beside it a pod may have network devices, which are no
    accelerators. A pod without it is of an earlier spec, and all its devices count. `claim_templates` are the
    model's own ResourceClaimTemplates by name; what a claim of another template has is not known.
    """
    devices = pod["spec"].get("devices") or {}
    found = Counter({name: int(quantity_value(amount)) for name, amount in devices.items()})
    for claim in pod["spec"].get("resourceClaims") or []:
        template = claim_templates.get(claim.get("resourceClaimTemplateName", ""), {})
        for request in _requests(template):
            found[request["deviceClassName"]] += request.get("count", 1)
    return {resource: found[resource]} if resource in found else dict(found)


def _requests(template: Object) -> list[Object]:
    devices = ((template.get("spec") or {}).get("spec") or {}).get("devices") or {}
    return [request["exactly"] for request in devices.get("requests") or [] if "exactly" in request]
