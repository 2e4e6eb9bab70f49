"""Names that the API, the rendered objects and the watches must agree on."""

from __future__ import annotations

GROUP = "fairlead.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "ModelDeployment"
PLURAL = "modeldeployments"
FIELD_MANAGER = "fairlead-operator"

# The label that ties every child, pods included, to its ModelDeployment; also the watches' server-side
# selector.
MODEL_LABEL = f"{GROUP}/model"
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
# On pods: the ReplicaSet controller removes the pod with the lowest first.
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"

# Kinds of children that a cluster may not know.
RESOURCE_CLAIM_TEMPLATE = "ResourceClaimTemplate"
LEADER_WORKER_SET = "LeaderWorkerSet"
