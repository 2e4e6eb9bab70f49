"""The catalogue of reasons: every word that a condition of ours can carry, its meaning and what to do.

The order is the order of importance: of several pods' causes, the first one here is reported. A cause from
outside that is not in the catalogue is passed through under its own name.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """One reason.

    `stalled`: trying again changes nothing, a human has to act. `healthy`: no cause for concern, told by a
    Normal event instead of a Warning. `source`: where it is found out.
    """

    name: str
    meaning: str
    remedy: str
    source: str = "operator"
    stalled: bool = False
    healthy: bool = False


_REASONS = (
    Reason(
        "InvalidSpec",
        "The stored object cannot be read by this version of the operator, or spec.api.defaults or "
        "spec.api.limits do not fit the dialect. What runs goes on as it is.",
        "Correct the field that the message names, or upgrade the operator.",
        stalled=True,
    ),
    Reason(
        "NameConflict",
        "An object with the name of a child exists and belongs to somebody else. It is left alone.",
        "Rename the ModelDeployment, or delete the other object.",
        stalled=True,
    ),
    Reason(
        "ObjectRejected",
        "The API server refused an object that the operator made from the spec.",
        "The message is the API server's; correct the field it names, or the policy that refuses it.",
        stalled=True,
    ),
    Reason(
        "EngineArgumentInvalid",
        "vLLM refused its arguments.",
        "Correct spec.engine.args; the message quotes vLLM.",
        "launcher",
        stalled=True,
    ),
    Reason(
        "ContextTooLong",
        "The context length does not fit the model or its accelerators' memory.",
        "Set spec.engine.maxModelLen to the length that the message names, or give more accelerators.",
        "launcher",
        stalled=True,
    ),
    Reason(
        "ModelUnsupported",
        "vLLM does not know the model's architecture or format.",
        "Use an engine image whose vLLM supports the model.",
        "launcher",
        stalled=True,
    ),
    Reason(
        "AcceleratorOutOfMemory",
        "The accelerators' memory does not hold the model and its cache.",
        "Give more or larger accelerators, a smaller maxModelLen or a quantised model.",
        "launcher",
        stalled=True,
    ),
    Reason(
        "HostOutOfMemory",
        "The engine was killed at its memory limit.",
        "Raise spec.resources.limits.memory; shared memory (/dev/shm) counts towards it.",
        "launcher, kubelet",
        stalled=True,
    ),
    Reason(
        "WeightsUnauthorized",
        "The hub asked for credentials (HTTP 401).",
        "Name a Secret with a valid token in spec.model.credentials.",
        "launcher",
        stalled=True,
    ),
    Reason(
        "WeightsForbidden",
        "The hub refused the token (HTTP 403), or the files cannot be read.",
        "Accept the model's licence with the token's account; make the files readable for user 65532.",
        "launcher",
        stalled=True,
    ),
    Reason(
        "WeightsNotFound",
        "The repository, revision or folder does not exist.",
        "Correct spec.model.source or spec.model.revision.",
        "launcher",
        stalled=True,
    ),
    Reason(
        "CompilerMissing",
        "vLLM wants to compile and the image has no compiler.",
        "Add --enforce-eager to spec.engine.args, or use an image with a compiler.",
        "launcher",
        stalled=True,
    ),
    Reason(
        "DiskFull",
        "The engine ran out of disk space.",
        "Free or add ephemeral storage on the node, or keep the weights in a claim (pvc://).",
        "launcher",
    ),
    Reason(
        "WeightsRateLimited",
        "The hub limits the rate of downloads (HTTP 429).",
        "Wait: the engine is started again. A token raises the limit; a claim (pvc://) avoids the download.",
        "launcher",
    ),
    Reason(
        "EngineStartTimeout",
        "The engine was not ready within spec.engine.startupTimeoutSeconds and was restarted.",
        "Raise startupTimeoutSeconds; see the engine's log for what takes the time.",
    ),
    Reason(
        "EngineCrashed",
        "The engine ended. The message has the most telling lines of its log.",
        "See the message and the engine's log (`kubectl logs POD -c vllm --previous`).",
        "launcher",
    ),
    Reason(
        "CrashLoop",
        "The engine's container ends again and again without saying why.",
        "See its log (`kubectl logs POD -c vllm --previous`). Its image needs python3 with vLLM.",
        "kubelet",
    ),
    Reason(
        "GatewayFailed",
        "The gateway's container ends again and again.",
        "See its log (`kubectl logs POD -c gateway --previous`).",
        "kubelet",
    ),
    Reason(
        "ImagePullFailed",
        "An image cannot be pulled.",
        "Correct spec.engine.image; see that the node reaches the registry and may pull from it.",
        "kubelet",
    ),
    Reason(
        "ContainerConfigError",
        "A Secret or ConfigMap that a pod refers to is missing, or has not the key.",
        "Create what the message names; the pod then goes on by itself.",
        "kubelet",
    ),
    Reason(
        "ContainerStartFailed",
        "The container runtime cannot start a container.",
        "The message is the runtime's. The engine's image needs a python3 on its path.",
        "kubelet",
    ),
    Reason(
        "PodFailed",
        "The kubelet or the node ended the pod, for example by eviction. It is replaced.",
        "The message has the kubelet's reason; look for pressure on the node.",
        "kubelet",
    ),
    Reason(
        "QuotaExceeded",
        "A ResourceQuota of the namespace does not allow the pod.",
        "Raise the quota, or lower spec.resources.",
        "controller-manager",
    ),
    Reason(
        "PodRejected",
        "A pod cannot be created: an admission policy refuses it, or the API server does.",
        "The message says what refused it and why.",
        "controller-manager",
    ),
    Reason(
        "VolumeNotReady",
        "The claim with the model does not exist or has no volume yet, or the node cannot mount a volume.",
        "Create the claim that spec.model.source names, or see why it is not bound or cannot be mounted.",
        "scheduler, kubelet",
    ),
    Reason(
        "InsufficientResources",
        "No node has enough of a resource free: accelerators, CPU or memory. The message names which.",
        "Free or add nodes, or ask for less in spec.accelerator or spec.resources.",
        "scheduler",
    ),
    Reason(
        "UntoleratedTaint",
        "The nodes that would fit have taints that the pod does not tolerate.",
        "Add the toleration to spec.scheduling.tolerations.",
        "scheduler",
    ),
    Reason(
        "NodeSelectorMismatch",
        "No node has the labels that the pod asks for.",
        "Correct spec.scheduling.nodeSelector, or label the nodes.",
        "scheduler",
    ),
    Reason(
        "Unschedulable",
        "The scheduler finds no node, for a reason of its own.",
        "The message is the scheduler's.",
        "scheduler",
    ),
    Reason(
        "EngineNotReady",
        "The engine was ready and is not any more.",
        "See the gateway's and the engine's log; the pod gets no requests meanwhile.",
        "kubelet",
    ),
    Reason(
        "DeadlineExceeded",
        "The rollout made no progress within spec.rollout.progressDeadlineSeconds.",
        "Look at the pods (`kubectl describe pod`); pods of the previous revision go on serving.",
        "controller-manager",
        stalled=True,
    ),
    Reason(
        "EngineStarting",
        "The engine loads the model.",
        "Wait.",
        "kubelet",
        healthy=True,
    ),
    Reason(
        "Progressing",
        "Objects or pods are being created or replaced.",
        "Wait.",
        healthy=True,
    ),
    Reason(
        "DrainThenReplace",
        "There is no room for a further pod during the rollout, so each new pod takes the place of an old "
        "one that was drained.",
        "Nothing; with room for one more pod a rollout keeps all replicas serving.",
        "scheduler",
        healthy=True,
    ),
    Reason("Scheduled", "Every pod has a node.", "Nothing.", "scheduler", healthy=True),
    Reason("Serving", "At least one engine answers requests.", "Nothing.", "kubelet", healthy=True),
    Reason(
        "ScaledToZero",
        "No replica is wanted and none runs. This is what was asked for, so Ready is True.",
        "Nothing; raise spec.replicas to serve.",
        healthy=True,
    ),
    Reason("Ready", "Every wanted replica of the current spec answers requests.", "Nothing.", healthy=True),
)

CATALOGUE = {reason.name: reason for reason in _REASONS}
_RANK = {name: rank for rank, name in enumerate(CATALOGUE)}


def rank(name: str) -> int:
    """The importance of a reason, most important lowest. Unknown ones count as a crash of the engine."""
    return _RANK.get(name, _RANK["EngineCrashed"])


def is_stalled(name: str) -> bool:
    """Whether only a human can help. Not assumed of reasons that are not in the catalogue."""
    return name in CATALOGUE and CATALOGUE[name].stalled


def is_healthy(name: str) -> bool:
    """Whether the reason is no cause for concern."""
    return name in CATALOGUE and CATALOGUE[name].healthy
