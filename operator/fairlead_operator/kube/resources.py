"""The kinds that the operator uses, and their API paths."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead_contract.names import PLURAL
from fairlead_operator.api.names import API_VERSION, KIND, LEADER_WORKER_SET, RESOURCE_CLAIM_TEMPLATE


@dataclass(frozen=True)
class Resource:
    """A kind: `api_version` such as v1 or apps/v1, `plural` as in URLs."""

    api_version: str
    kind: str
    plural: str

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of a collection or an object; all namespaces if `namespace` is None."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"
        scope = f"/namespaces/{namespace}" if namespace else ""
        tail = "".join(f"/{part}" for part in (name, subresource) if part)
        return f"{root}{scope}/{self.plural}{tail}"


MODEL_DEPLOYMENT = Resource(API_VERSION, KIND, PLURAL)
DEPLOYMENT = Resource("apps/v1", "Deployment", "deployments")
SERVICE = Resource("v1", "Service", "services")
SERVICE_ACCOUNT = Resource("v1", "ServiceAccount", "serviceaccounts")
CONFIG_MAP = Resource("v1", "ConfigMap", "configmaps")
POD_DISRUPTION_BUDGET = Resource("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
NETWORK_POLICY = Resource("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
PERSISTENT_VOLUME_CLAIM = Resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
POD = Resource("v1", "Pod", "pods")
EVENT = Resource("events.k8s.io/v1", "Event", "events")
NODE = Resource("v1", "Node", "nodes")
LEASE = Resource("coordination.k8s.io/v1", "Lease", "leases")
ACCESS_REVIEW = Resource("authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews")
CLAIM_TEMPLATES = Resource("resource.k8s.io/v1", RESOURCE_CLAIM_TEMPLATE, "resourceclaimtemplates")
LEADER_WORKER_SETS = Resource("leaderworkerset.x-k8s.io/v1", LEADER_WORKER_SET, "leaderworkersets")

CHILDREN = (
    PERSISTENT_VOLUME_CLAIM,
    SERVICE_ACCOUNT,
    CONFIG_MAP,
    SERVICE,
    POD_DISRUPTION_BUDGET,
    NETWORK_POLICY,
    DEPLOYMENT,
)
# Kinds that a cluster need not serve: those of a newer Kubernetes, and those of other projects.
OPTIONAL_CHILDREN = (CLAIM_TEMPLATES, LEADER_WORKER_SETS)
BY_KIND = {resource.kind: resource for resource in (*CHILDREN, *OPTIONAL_CHILDREN)}
