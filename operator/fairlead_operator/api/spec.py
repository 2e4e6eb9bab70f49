"""The spec of a ModelDeployment: the desired state."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from fairlead_contract.defaults import DRAIN_TIMEOUT_SECONDS
from fairlead_operator.api.autoscaling import Autoscaling
from fairlead_operator.api.endpoint import Api
from fairlead_operator.api.engine import Engine
from fairlead_operator.api.markers import FORBIDDEN, REQUIRED, rule
from fairlead_operator.api.metadata import InheritedMetadata
from fairlead_operator.api.model import Model
from fairlead_operator.api.part import ApiObject
from fairlead_operator.api.scheduling import RAW_OBJECT, Accelerator, Resources, Scheduling

# Devices of all pods of one replica; tensor and pipeline parallelism divide them.
_DEVICES = "(has(self.accelerator) ? self.accelerator.count : 1) * self.engine.nodes"
_TENSOR, _PIPELINE = "self.engine.tensorParallelSize", "self.engine.pipelineParallelSize"

_PARALLELISM_RULES = [
    rule(
        f"!has({_TENSOR}) || !has(self.accelerator) || ({_DEVICES}) % {_TENSOR} == 0",
        "spec.engine.tensorParallelSize must divide spec.accelerator.count times spec.engine.nodes; "
        "correct one of them",
        at=".engine.tensorParallelSize",
    ),
    rule(
        f"!has({_PIPELINE}) || !has(self.accelerator) || ({_DEVICES}) % {_PIPELINE} == 0",
        "spec.engine.pipelineParallelSize must divide spec.accelerator.count times spec.engine.nodes; "
        "correct one of them",
        at=".engine.pipelineParallelSize",
    ),
    rule(
        f"!has({_TENSOR}) || !has({_PIPELINE}) || !has(self.accelerator) || "
        f"{_TENSOR} * {_PIPELINE} == {_DEVICES}",
        "spec.engine.tensorParallelSize times pipelineParallelSize must be spec.accelerator.count times "
        "spec.engine.nodes: every accelerator has its part of the model",
        at=".engine.tensorParallelSize",
    ),
    rule(
        "self.engine.nodes == 1 || has(self.accelerator)",
        "spec.engine.nodes above 1 needs spec.accelerator: a replica is spread over nodes for their "
        "accelerators",
        at=".accelerator",
        reason=REQUIRED,
    ),
]

# The device plugins' names for what vLLM computes on. Other extended resources, such as network devices,
# are free to be in spec.resources.
_ACCELERATOR_RESOURCES = (
    r"^(nvidia\\.com/(gpu|mig-)|amd\\.com/gpu|gpu\\.intel\\.com/|habana\\.ai/|google\\.com/tpu|"
    r"aws\\.amazon\\.com/neuron|huawei\\.com/Ascend)"
)
_ACCELERATORS_IN_RESOURCES = [
    rule(
        f"has(self.accelerator) || !has(self.resources) || !has(self.resources.{kind}) || "
        f"!self.resources.{kind}.exists(name, name.matches('{_ACCELERATOR_RESOURCES}'))",
        f"spec.resources.{kind} must not name accelerators: they would be reserved and not used; "
        "set spec.accelerator.resourceName and spec.accelerator.count instead",
        at=f".resources.{kind}",
        reason=FORBIDDEN,
    )
    for kind in ("requests", "limits")
]


class Rollout(ApiObject):
    """How changes and shutdowns proceed."""

    strategy: Literal["Auto", "Surge", "Recreate"] = "Auto"
    """strategy of a rollout. `Auto` starts the new pod first and, when the scheduler finds no room for it,
    drains an old one to make room. `Surge` always waits for room. `Recreate` ends all old pods before the
    first new one.
    """
    surge_patience_seconds: Annotated[int, Field(ge=0, le=86_400)] = 15
    """surgePatienceSeconds is how long strategy `Auto` lets a new pod be unschedulable before an old one
    makes room; longer while a node autoscaler says that it adds a node.
    """
    drain_timeout_seconds: Annotated[int, Field(ge=0, le=86_400)] = DRAIN_TIMEOUT_SECONDS
    """drainTimeoutSeconds is how long a pod that stops may take to finish the requests in flight."""
    progress_deadline_seconds: Annotated[int, Field(ge=60, le=172_800)] = 3600
    """progressDeadlineSeconds without any progress make a rollout count as failed (condition Stalled).
    Longer than startupTimeoutSeconds, since an image pull comes on top.
    """


class ModelDeploymentSpec(ApiObject):
    """The desired state."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                *_PARALLELISM_RULES,
                rule(
                    "!has(self.accelerator) || !has(self.accelerator.resourceName) || "
                    "!has(self.resources) || [has(self.resources.limits) && "
                    "self.accelerator.resourceName in self.resources.limits, has(self.resources.requests) && "
                    "self.accelerator.resourceName in self.resources.requests]"
                    ".all(x, !x)",
                    "spec.resources must not name spec.accelerator.resourceName; "
                    "set spec.accelerator.count instead",
                    at=".resources",
                    reason=FORBIDDEN,
                ),
                *_ACCELERATORS_IN_RESOURCES,
                rule(
                    "self.rollout.progressDeadlineSeconds > self.engine.startupTimeoutSeconds",
                    "spec.rollout.progressDeadlineSeconds must be greater than "
                    "spec.engine.startupTimeoutSeconds; raise it",
                    at=".rollout.progressDeadlineSeconds",
                ),
            ]
        }
    )

    model: Model
    """model says what is served."""
    engine: Engine = Engine()
    """engine says how vLLM is run."""
    accelerator: Accelerator | None = None
    """accelerator of each replica; without it the model runs on CPU."""
    resources: Resources = Resources()
    """resources of the engine's container."""
    scheduling: Scheduling = Scheduling()
    """scheduling says where the pods may run."""
    replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    """replicas is the number of pods; 0 stops the model and keeps everything else. Ignored with
    autoscaling.mode `Native`.
    """
    autoscaling: Autoscaling | None = None
    """autoscaling makes the number of replicas follow the demand; fixed if absent."""
    api: Api = Api()
    """api says what clients see."""
    rollout: Rollout = Rollout()
    """rollout says how changes and shutdowns proceed."""
    inherited_metadata: InheritedMetadata = InheritedMetadata()
    """inheritedMetadata has labels and annotations of everything that is made for the model. A change gives
    the model new pods, as any change of their template does.
    """
    pod_template: Annotated[dict[str, Any], WithJsonSchema(RAW_OBJECT)] = Field(default_factory=dict)
    """podTemplate is merged into the pods' template at the end (strategic merge, as `kubectl patch` does it):
    `metadata` with labels and annotations, and any field of a pod's `spec`. For what has no field of its own.
    """
