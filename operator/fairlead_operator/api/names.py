"""Names that the API, the rendered objects and the watches must agree on.

Those that the gateway's image uses too are in `fairlead_contract.names`.
"""

from __future__ import annotations

from collections.abc import Mapping

from fairlead_contract.names import GROUP, VERSION

API_VERSION = f"{GROUP}/{VERSION}"
KIND = "ModelDeployment"
FIELD_MANAGER = "fairlead-operator"

RENDERED_HASH = f"{GROUP}/rendered-hash"
REVISION = f"{GROUP}/revision"

# On the Deployment: the pod template as it was rendered, what it was rendered from, and by which rules.
POD_TEMPLATE = f"{GROUP}/pod-template"
POD_INPUTS = f"{GROUP}/pod-inputs"
RENDERING = f"{GROUP}/rendering-version"
# On the Deployment: why its rollout drains an old pod before it starts a new one.
ROLLOUT = f"{GROUP}/rollout"
# On the ModelDeployment, set by people: any new value replaces the pods, by the operator's current rules.
RESTARTED_AT = f"{GROUP}/restartedAt"
# Labels that Kubernetes recommends. The component of a pod that serves is ENGINE_COMPONENT; a further node of
# a replica is WORKER_COMPONENT.
NAME_LABEL = "app.kubernetes.io/name"
INSTANCE_LABEL = "app.kubernetes.io/instance"
COMPONENT_LABEL = "app.kubernetes.io/component"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
# The labels that the chart gives to the pods and Deployments of its two programs.
OPERATOR_LABELS = {NAME_LABEL: "fairlead", COMPONENT_LABEL: "operator"}
ROUTER_LABELS = {NAME_LABEL: "fairlead", COMPONENT_LABEL: "router"}
ENGINE_COMPONENT = "engine"
WORKER_COMPONENT = "worker"
# The queue through which Kueue admits a workload.
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
# On pods: the Deployment controller distinguishes revisions by it.
POD_TEMPLATE_HASH_LABEL = "pod-template-hash"
# On pods: the ReplicaSet controller removes the pod with the lowest first.
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"

# Containers of a model's pods.
ENGINE_CONTAINER = "vllm"
GATEWAY_CONTAINER = "gateway"
WEIGHTS_CONTAINER = "weights"

# Kinds of children that a cluster may not know.
RESOURCE_CLAIM_TEMPLATE = "ResourceClaimTemplate"
LEADER_WORKER_SET = "LeaderWorkerSet"


def selector(labels: Mapping[str, str]) -> str:
    """Labels as the label selector of a query, in alphabetical order: KEY=VALUE,KEY=VALUE."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
