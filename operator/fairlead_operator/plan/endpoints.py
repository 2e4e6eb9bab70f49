"""status.endpoints: the pods of a model, and what those that leave still have to do.

The load of pods that serve is not part of it: it changes with every request, and a status that changes
without end is a load of its own on the API server. Metrics have it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fairlead_operator.plan.findings import is_true
from fairlead_operator.plan.observed import is_leaving
from fairlead_operator.plan.podreport import PodReport
from fairlead_operator.plan.removal import load_of
from fairlead_operator.plan.workload import serving_pods

Object = dict[str, Any]


def list_endpoints(
    pods: tuple[Object, ...], reports: Mapping[str, PodReport], parting: Collection[str] = ()
) -> list[Object]:
    """The pods by name, whatever their revision; those that failed for good are left out, and those
    that serve nobody themselves. `parting` are about to be deleted and must get nothing new.
    """
    return [
        _endpoint(pod, reports.get(pod["metadata"]["name"]), pod["metadata"]["name"] in parting)
        for pod in sorted(serving_pods(pods), key=lambda pod: str(pod["metadata"]["name"]))
    ]


def _endpoint(pod: Object, report: PodReport | None, parting: bool) -> Object:
    name = pod["metadata"]["name"]
    if parting or is_leaving(pod):
        load = load_of(report)
        return {"pod": name, "state": "Draining", **({} if load is None else {"inFlight": load})}
    return {"pod": name, "state": "Ready" if is_true(pod, "Ready") else "Starting"}
