"""The cluster under the benchmark: a bare control plane, fake nodes, namespaces, the operator's account."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import yaml

from e2e.cluster.paths import ROOT
from fairlead_operator.api.names import API_VERSION, KIND
from fairlead_operator.kube.access import NEEDS, OPTIONAL_NEEDS
from fairlead_operator.kube.resources import MODEL_DEPLOYMENT
from tests.benchmarks.operator.nodes import PODS_PER_NODE
from tests.benchmarks.operator.process import MeasuredProcess, cpu_seconds
from tests.benchmarks.operator.scale import Scale
from tests.benchmarks.operator.watching import Api
from tests.support import crds
from tests.support.control_plane import ControlPlane

Object = dict[str, Any]

_CRDS = ROOT / "crds"
_ACCOUNT = "fairlead-operator"
# The controller manager limits each of its controllers to 20 requests a second, which 2,000 Deployments take
# a quarter of an hour with. Clusters of that size raise it, and it is not what is measured.
_MANAGER_FLAGS = ("--kube-api-qps=2000", "--kube-api-burst=2000")
_OPERATOR = "operator"
_NODES = "fake nodes"


class BenchmarkCluster:
    """Start with start(), end with stop(); everything is under `folder`."""

    def __init__(self, folder: Path, scale: Scale) -> None:
        self._folder = folder
        self._scale = scale
        self._plane = ControlPlane(folder, _MANAGER_FLAGS)
        self._nodes: MeasuredProcess | None = None
        self.account = folder / "account.kubeconfig"

    async def start(self) -> None:
        """Returns when the API server knows the CRD and the fake nodes wait for pods."""
        self._plane.start()
        crds.install(self._plane, _CRDS, "ModelDeployment")
        self._create_account()
        for namespace in self._namespaces():
            self._plane.kubectl("create", "namespace", namespace)
        # The harness speaks to the API server as administrator.
        os.environ["KUBECONFIG"] = str(self._plane.kubeconfig)
        count = str(max(1, 2 * self._scale.models // PODS_PER_NODE))
        self._nodes = MeasuredProcess(
            "tests.benchmarks.operator.nodes", [count], {}, self._folder / "fake-nodes.log"
        )
        await self._nodes.await_line("watching")

    def stop(self) -> None:
        """Ends everything."""
        if self._nodes:
            self._nodes.close()
        self._plane.stop()

    def _namespaces(self) -> list[str]:
        return [f"team-{number}" for number in range(self._scale.namespaces)]

    def models(self) -> list[Object]:
        """The ModelDeployments to create, as users write them."""
        namespaces = self._namespaces()
        return [
            {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "metadata": {
                    "name": f"model-{number}",
                    "namespace": namespaces[number % len(namespaces)],
                },
                "spec": {"model": {"source": "pvc://models/tiny"}},
            }
            for number in range(self._scale.models)
        ]

    def cpu_seconds(self, operator: MeasuredProcess) -> dict[str, float]:
        """CPU time of every process that takes part, since it began."""
        assert self._nodes is not None
        parts = {name: cpu_seconds(pid) for name, pid in self._plane.pids.items()}
        return {
            _OPERATOR: operator.cpu_seconds(),
            **parts,
            _NODES: self._nodes.cpu_seconds(),
            "harness": cpu_seconds(os.getpid()),
        }

    def _create_account(self) -> None:
        """The operator works under its own account and rights: administrators pass the API server's
        priority and fairness unhindered, which would flatter it.
        """
        rules = [
            {
                "apiGroups": [resource.group],
                "resources": [f"{resource.plural}/{part}" if part else resource.plural],
                "verbs": list(verbs),
            }
            for resource, part, verbs in (*NEEDS, *OPTIONAL_NEEDS)
        ]
        leases = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"]}
        rules.append({**leases, "verbs": ["create", "get", "update"]})
        head = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": _ACCOUNT}}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": _ACCOUNT}
        subject = {"kind": "ServiceAccount", "name": _ACCOUNT, "namespace": "default"}
        metadata = {"name": _ACCOUNT, "namespace": "default"}
        items = [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
            {**head, "kind": "ClusterRole", "rules": rules},
            {**head, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": [subject]},
        ]
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        self._plane.kubectl("apply", "-f", "-", input=listed)
        token = self._plane.kubectl("create", "token", _ACCOUNT, "--duration=12h").strip()
        config = yaml.safe_load(self._plane.kubeconfig.read_text())
        config["users"] = [{"name": item["name"], "user": {"token": token}} for item in config["users"]]
        self.account.touch(mode=0o600)
        self.account.write_text(yaml.safe_dump(config))


def is_ready(model: Object) -> bool:
    """Whether a ModelDeployment says that its current spec is carried out and runs."""
    return any(
        item["type"] == "Ready"
        and item["status"] == "True"
        and item["observedGeneration"] == model["metadata"]["generation"]
        for item in model.get("status", {}).get("conditions", [])
    )


async def create(api: Api, models: list[Object]) -> None:
    """Creates the models one after the other, which is about as fast as `kubectl apply` of one file."""
    for model in models:
        await api.request("POST", MODEL_DEPLOYMENT.path(model["metadata"]["namespace"]), model)


async def versions(api: Api) -> dict[str, str]:
    """The resourceVersion of every model: a write to any, also one without effect on others, shows."""
    listed = await api.request("GET", MODEL_DEPLOYMENT.path(None))
    return {item["metadata"]["uid"]: item["metadata"]["resourceVersion"] for item in listed["items"]}
