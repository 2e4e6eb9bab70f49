"""status.endpoints: the pods of a model, and the load of the draining ones.

The load of serving pods is not part of it: it changes with every request, and each change of the status is a
write to the API server. Metrics have it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fairlead_contract.status import PodReport
from fairlead_operator.objects import is_leaving, is_true
from fairlead_operator.plan.children.workload import serving_pods
from fairlead_operator.plan.rollout.removal import load_of

Object = dict[str, Any]


def list_endpoints(
    pods: tuple[Object, ...], reports: Mapping[str, PodReport], parting: Collection[str] = ()
) -> list[Object]:
    """The pods by name, whatever their revision; failed pods are left out, and workers, which serve no
    requests themselves. `parting` are about to be deleted and must get no new requests.
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
