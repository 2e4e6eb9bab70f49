"""Where a model stands: what its status is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairlead_contract.status import PodReport
from fairlead_operator.objects import is_leaving, live_revision
from fairlead_operator.plan.findings import (
    Finding,
)
from fairlead_operator.plan.rollout.strategy import SURGING, RolloutChoice
from fairlead_operator.plan.scheduling.nodes import Nodes
from fairlead_operator.plan.status.weights import Download
from fairlead_operator.render.model import RENDERING_VERSION

Object = dict[str, Any]


@dataclass(frozen=True)
class ModelState:
    """Where a model stands.

    `pods` are those of the current revision that are not on their way out, `all_pods` all of them. `settled`
    says that the live Deployment is as rendered and its controller has seen it. `blocked` is what keeps the
    operator from applying. `events` are Events about the pods, `reports` the statuses from their gateways.
    `version` is that of the rules that made the pod template, `rollout` how the pods are replaced.
    `downloads` are those of the pods, by name. `nodes` are those of the cluster, if they were read. `scaling`
    is status.autoscaling, `router_host` where requests for a model at zero are held. `draining` are pods that
    are about to be deleted, `taken` names that other models have.
    """

    deployment: Object
    pods: tuple[Object, ...]
    settled: bool
    blocked: Finding | None = None
    all_pods: tuple[Object, ...] = ()
    events: tuple[Object, ...] = ()
    reports: Mapping[str, PodReport] = field(default_factory=dict)
    rollout: RolloutChoice = SURGING
    version: int = RENDERING_VERSION
    downloads: Mapping[str, Download] = field(default_factory=dict)
    nodes: Nodes | None = None
    scaling: Object | None = None
    router_host: str = ""
    draining: tuple[str, ...] = ()
    taken: Mapping[str, str] = field(default_factory=dict)


def current_pods(pods: tuple[Object, ...], revision: str) -> tuple[Object, ...]:
    """Pods of a revision that are not being deleted, by name."""
    found = [pod for pod in pods if not is_leaving(pod) and live_revision(pod) == revision]
    return tuple(sorted(found, key=lambda pod: str(pod["metadata"]["name"])))
