"""The requirements of a pod: amounts of resources, labels, and taints that it tolerates."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import Any

from fairlead_contract.bounds import WORD_CHARACTERS
from fairlead_operator.bounds import POD_CONTAINERS, POD_RESOURCES
from fairlead_operator.render.quantity import quantity_value

Object = dict[str, Any]
Amounts = dict[str, Fraction]

_HUGE = re.compile(r"[eE][+-]?\d{3}")
_COUNTED = ("cpu", "memory", "ephemeral-storage")


@dataclass(frozen=True)
class Placement:
    """The requirements of a pod, which are the same for all pods of one revision."""

    requests: tuple[tuple[str, Fraction], ...]
    selector: tuple[tuple[str, str], ...]
    tolerations: tuple[tuple[str, str, str, str], ...]


def requests_of(pod: Object) -> Amounts:
    """The amounts that the scheduler counts: containers and sidecars together, or the largest init container
    if that is more. Requests of the pod as a whole come first.
    """
    spec = pod.get("spec") or {}
    total: Amounts = {}
    for container in (spec.get("containers") or [])[:POD_CONTAINERS]:
        total = _sum(total, _requests(container))
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in (spec.get("initContainers") or [])[:POD_CONTAINERS]:
        if container.get("restartPolicy") == "Always":
            sidecars = _sum(sidecars, _requests(container))
        else:
            peak = largest(peak, _sum(sidecars, _requests(container)))
    return {**largest(_sum(total, sidecars), peak), **_requests(spec)}


def devices_of(pod: Object) -> Amounts:
    """The devices that the pod's containers have together, by extended resource."""
    total: Amounts = {}
    for container in ((pod.get("spec") or {}).get("containers") or [])[:POD_CONTAINERS]:
        limits = (container.get("resources") or {}).get("limits") or {}
        devices = ((name, amount) for name, amount in limits.items() if is_extended(name))
        total = _sum(total, read_amounts(dict(islice(devices, POD_RESOURCES))))
    return total


def as_quantity(amount: Fraction) -> str:
    """An amount as Kubernetes writes it, rounded up to thousandths."""
    return str(amount) if amount.denominator == 1 else f"{math.ceil(amount * 1000)}m"


def placement_of(pod: Object) -> Placement:
    """The requirements of a pod."""
    spec = pod.get("spec") or {}
    requests = requests_of(pod).items()
    return Placement(
        requests=tuple(
            sorted((name, amount) for name, amount in requests if amount > 0 and _is_counted(name))
        ),
        selector=tuple(sorted((spec.get("nodeSelector") or {}).items())),
        tolerations=tuple(
            (
                item.get("key") or "",
                item.get("operator") or "Equal",
                item.get("value") or "",
                item.get("effect") or "",
            )
            for item in spec.get("tolerations") or []
        ),
    )


def is_extended(resource: str) -> bool:
    """Whether a resource is one of devices, such as nvidia.com/gpu."""
    return "/" in resource


def _is_counted(resource: str) -> bool:
    return resource in _COUNTED or is_extended(resource)


def _requests(container: Object) -> Amounts:
    resources = container.get("resources") or {}
    # Without a request the limit counts.
    values: Object = {}
    for kind in ("limits", "requests"):
        values |= dict(islice((resources.get(kind) or {}).items(), POD_RESOURCES))
    return read_amounts(values)


def read_amounts(values: Object) -> Amounts:
    """Amounts by resource, from quantities. What is none is left out."""
    found: Amounts = {}
    for name, value in values.items():
        text = str(value)
        # Kubernetes stores no longer amount and no larger exponent, and such numbers take long to compute.
        if len(text) > WORD_CHARACTERS or _HUGE.search(text):
            continue
        with contextlib.suppress(ValueError):
            found[name] = quantity_value(text)
    return found


def _merge(left: Amounts, right: Amounts, how: Callable[[Fraction, Fraction], Fraction]) -> Amounts:
    zero = Fraction(0)
    return {name: how(left.get(name, zero), right.get(name, zero)) for name in {*left, *right}}


def _sum(left: Amounts, right: Amounts) -> Amounts:
    return _merge(left, right, lambda a, b: a + b)


def largest(left: Amounts, right: Amounts) -> Amounts:
    """Of each resource the larger amount."""
    return _merge(left, right, max)


def describe(resource: str, amount: Fraction) -> str:
    """An amount in readable form: `5 nvidia.com/gpu`, `64.0 GiB memory`, `4 cpu`."""
    if resource in ("memory", "ephemeral-storage"):
        return f"{float(amount) / (1 << 30):.1f} GiB {resource}"
    return f"{int(amount) if amount.denominator == 1 else round(float(amount), 3)} {resource}"
