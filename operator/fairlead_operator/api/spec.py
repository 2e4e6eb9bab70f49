"""The spec of a ModelDeployment: what users ask for."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from fairlead_operator.api.endpoint import Api
from fairlead_operator.api.engine import Engine
from fairlead_operator.api.env import Quantity
from fairlead_operator.api.markers import items, length, properties, rule, validations
from fairlead_operator.api.part import Part


def _served_name(field: str) -> Any:
    return validations(
        rule(
            "self.matches('^[A-Za-z0-9][A-Za-z0-9._:/-]*$')",
            f"{field} must start with a letter or digit and have only letters, digits and . _ : / -",
        )
    )


class Credentials(Part):
    """Credentials for downloading the weights."""

    secret_name: Annotated[str, length(1, 253)]
    """secretName is the name of a Secret in the model's namespace whose key `token` is a Hugging Face
    token.
    """


class Model(Part):
    """What is served."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!has(self.revision) || self.source.startsWith('hf://')",
                    "spec.model.revision is only for hf:// sources; remove it",
                ),
                rule(
                    "!has(self.credentials) || self.source.startsWith('hf://')",
                    "spec.model.credentials is only for hf:// sources; remove it",
                ),
                rule(
                    "!has(self.servedName) || !has(self.aliases) || !(self.servedName in self.aliases)",
                    "spec.model.aliases must not repeat spec.model.servedName; remove it there",
                ),
            ]
        }
    )

    source: Annotated[
        str,
        length(1, 1024),
        validations(
            rule(
                "self.matches('^(hf://[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*"
                "|pvc://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/[^[:cntrl:]]*)?|file:///[^[:cntrl:]]+)$')",
                "spec.model.source must be hf://ORG/NAME, pvc://CLAIM, pvc://CLAIM/PATH or file:///PATH",
            ),
            rule(
                "!self.matches('/[.][.]?(/|$)')",
                "spec.model.source must not have the path segments . and ..; give the path in full",
            ),
        ),
    ]
    """source says where the weights are: `hf://ORG/NAME` (Hugging Face hub, downloaded by the engine at
    each start), `pvc://CLAIM/PATH` (a folder of a PersistentVolumeClaim in the same namespace, mounted
    read-only) or `file:///PATH` (a folder baked into the engine image).
    """
    revision: Annotated[
        str | None,
        length(1, 250),
        validations(
            rule(
                "self.matches('^[A-Za-z0-9][A-Za-z0-9._/-]*$')",
                "spec.model.revision must be a branch, tag or commit of the hub's repository",
            )
        ),
    ] = None
    """revision is the branch, tag or commit of an `hf://` source; the hub's default branch if absent."""
    served_name: Annotated[str | None, length(1, 253), _served_name("spec.model.servedName")] = None
    """servedName is the name that clients put into `model`; the name of the ModelDeployment if absent."""
    aliases: Annotated[
        tuple[Annotated[str, length(1, 253), _served_name("an item of spec.model.aliases")], ...],
        items(16, "set"),
    ] = ()
    """aliases are further names under which the model is served."""
    credentials: Credentials | None = None
    """credentials for downloading the weights of an `hf://` source; public models need none."""


class Accelerator(Part):
    """Accelerators of each replica."""

    resource_name: Annotated[
        str,
        length(3, 253),
        validations(
            rule(
                "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$')",
                "spec.accelerator.resourceName must be qualified like nvidia.com/gpu",
            )
        ),
    ]
    """resourceName is the extended resource that the device plugin advertises, for example
    `nvidia.com/gpu`.
    """
    count: Annotated[int, Field(ge=1, le=64)] = 1
    """count of accelerators for each replica. Above 1, vLLM splits the model over them (tensor parallelism)
    unless args say otherwise.
    """


class Resources(Part):
    """Compute resources of the engine's container, as in a pod."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!has(self.requests) || !has(self.limits) || self.requests.all(k, !(k in self.limits) || "
                    "quantity(string(self.requests[k])).compareTo(quantity(string(self.limits[k]))) <= 0)",
                    "spec.resources.requests must not exceed spec.resources.limits; "
                    "lower the one or raise the other",
                )
            ]
        }
    )

    requests: Annotated[dict[str, Quantity], properties(32)] = Field(default_factory=dict)
    """requests of the engine's container."""
    limits: Annotated[dict[str, Quantity], properties(32)] = Field(default_factory=dict)
    """limits of the engine's container. Shared memory (/dev/shm) counts towards the memory limit."""


class Toleration(Part):
    """One toleration, as in a pod."""

    key: Annotated[str | None, length(0, 316)] = None
    """key of the taint; absent with operator Exists means every taint."""
    operator: Literal["Exists", "Equal"] | None = None
    """operator that relates key and value; Equal if absent."""
    value: Annotated[str | None, length(0, 63)] = None
    """value of the taint."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """effect of the taint; absent means all."""
    toleration_seconds: Annotated[int | None, Field(ge=0)] = None
    """tolerationSeconds is how long a NoExecute taint is tolerated; for ever if absent."""


class Scheduling(Part):
    """Where the pods may run."""

    node_selector: Annotated[dict[str, str], properties(64)] = Field(default_factory=dict)
    """nodeSelector of the pods."""
    tolerations: Annotated[tuple[Toleration, ...], items(64)] = ()
    """tolerations of the pods."""
    runtime_class_name: Annotated[str | None, length(1, 253)] = None
    """runtimeClassName of the pods, for example `nvidia`."""


class Rollout(Part):
    """How changes and shutdowns proceed."""

    drain_timeout_seconds: Annotated[int, Field(ge=0, le=86_400)] = 300
    """drainTimeoutSeconds is how long a pod that stops may take to finish the requests in flight."""
    progress_deadline_seconds: Annotated[int, Field(ge=60, le=172_800)] = 3600
    """progressDeadlineSeconds without any progress make a rollout count as failed (condition Stalled).
    Longer than startupTimeoutSeconds, since an image pull comes on top.
    """


class ModelDeploymentSpec(Part):
    """What is asked for."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!has(self.accelerator) || !has(self.resources) || "
                    "[has(self.resources.limits) && self.accelerator.resourceName in self.resources.limits, "
                    "has(self.resources.requests) && "
                    "self.accelerator.resourceName in self.resources.requests]"
                    ".all(x, !x)",
                    "spec.resources must not name spec.accelerator.resourceName; "
                    "set spec.accelerator.count instead",
                ),
                rule(
                    "self.rollout.progressDeadlineSeconds > self.engine.startupTimeoutSeconds",
                    "spec.rollout.progressDeadlineSeconds must be greater than "
                    "spec.engine.startupTimeoutSeconds; raise it",
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
    """replicas is the number of pods; 0 stops the model and keeps everything else."""
    api: Api = Api()
    """api says what clients see."""
    rollout: Rollout = Rollout()
    """rollout says how changes and shutdowns proceed."""
