"""ModelDeployment v1alpha1: the contract with users, from which the CRD and the reference page are generated.

Descriptions are the docstrings under the fields. Bounds and rules become schema, enforced by the API server with a
message that names the field and the remedy. Reading is lenient (unknown fields are ignored), so that objects written
by a newer version stay readable; numbers are integers with their unit in the name.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from fairlead_operator.api.markers import items, length, properties, rule, validations

# Kubernetes' own syntax of a resource quantity.
_QUANTITY = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
    r"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
Quantity = Annotated[
    int | str,
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "maxLength": 64,
            "pattern": _QUANTITY,
            "x-kubernetes-int-or-string": True,
        }
    ),
]
# What the operator sets itself and what would take the engine away from the gateway.
RESERVED_ARGUMENTS = ("api-key", "host", "model", "port", "served-model-name", "uds")


def _reserved(argument: str) -> str:
    names = "|".join(name.replace("-", "[-_]") for name in RESERVED_ARGUMENTS)
    return f"{argument}.matches('^--({names})(=.*)?$')"


def _served_name(field: str) -> Any:
    return validations(
        rule(
            "self.matches('^[A-Za-z0-9][A-Za-z0-9._:/-]*$')",
            f"{field} must start with a letter or digit and have only letters, digits and . _ : / -",
        )
    )


class Part(BaseModel):
    """Base of every object in the API."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )


class Credentials(Part):
    """Credentials for downloading the weights."""

    secret_name: Annotated[str, length(1, 253)]
    """secretName is the name of a Secret in the model's namespace whose key `token` is a Hugging Face token."""


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
    """source says where the weights are: `hf://ORG/NAME` (Hugging Face hub, downloaded by the engine at each start), `pvc://CLAIM/PATH` (a folder of a PersistentVolumeClaim in the same namespace, mounted read-only) or `file:///PATH` (a folder baked into the engine image)."""  # noqa: E501
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


class ObjectKey(Part):
    """One key of a ConfigMap or Secret."""

    name: Annotated[str, length(1, 253)]
    """name of the object in the model's namespace."""
    key: Annotated[str, length(1, 253)]
    """key within the object."""
    optional: bool | None = None
    """optional lets the container start although the object or key does not exist."""


class FieldRef(Part):
    """A field of the pod."""

    field_path: Annotated[str, length(1, 253)]
    """fieldPath of the pod, for example `status.hostIP`."""


class ResourceFieldRef(Part):
    """A resource of a container."""

    resource: Annotated[str, length(1, 253)]
    """resource to read, for example `limits.memory`."""
    container_name: Annotated[str | None, length(1, 63)] = None
    """containerName whose resource is read; the engine's container if absent."""
    divisor: Quantity | None = None
    """divisor of the value, for example `1Mi`."""


class EnvSource(Part):
    """Where the value of an environment variable comes from."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "[has(self.configMapKeyRef), has(self.secretKeyRef), has(self.fieldRef), "
                    "has(self.resourceFieldRef)].filter(x, x).size() == 1",
                    "spec.engine.env[].valueFrom must have exactly one of configMapKeyRef, secretKeyRef, fieldRef "
                    "and resourceFieldRef",
                )
            ]
        }
    )

    config_map_key_ref: ObjectKey | None = None
    """configMapKeyRef takes the value from a ConfigMap."""
    secret_key_ref: ObjectKey | None = None
    """secretKeyRef takes the value from a Secret."""
    field_ref: FieldRef | None = None
    """fieldRef takes the value from a field of the pod."""
    resource_field_ref: ResourceFieldRef | None = None
    """resourceFieldRef takes the value from a container's resources."""


class EnvVar(Part):
    """One environment variable, as in a pod."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!(has(self.value) && has(self.valueFrom))",
                    "an item of spec.engine.env must not have both value and valueFrom; remove one",
                )
            ]
        }
    )

    name: Annotated[
        str,
        length(1, 253),
        validations(
            rule(
                "self.matches('^[-._a-zA-Z][-._a-zA-Z0-9]*$')",
                "the name of an item of spec.engine.env must have only letters, digits and - _ . and no leading digit",
            )
        ),
    ]
    """name of the variable. A name that the operator sets too overrides the operator's value."""
    value: Annotated[str | None, length(0, 32768)] = None
    """value of the variable; `$(NAME)` refers to variables before it."""
    value_from: EnvSource | None = None
    """valueFrom takes the value from elsewhere."""


class Engine(Part):
    """How vLLM is run."""

    image: Annotated[str | None, length(1, 1024)] = None
    """image with vLLM and a `python3` that finds it; the operator's default image if absent."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """imagePullPolicy of the engine image; Kubernetes' default (by the tag) if absent."""
    args: Annotated[
        tuple[Annotated[str, length(0, 8192)], ...],
        items(128),
        validations(
            rule(
                f"!self.exists(a, {_reserved('a')})",
                "spec.engine.args must not set --"
                + ", --".join(RESERVED_ARGUMENTS)
                + ": the operator does; use spec.model for the model and its names",
            )
        ),
    ] = ()
    """args for vLLM's API server, appended to what the operator sets, so that they win."""
    env: Annotated[tuple[EnvVar, ...], items(128, "map", "name")] = ()
    """env of the engine's container, as in a pod."""
    max_model_len: Annotated[int | None, Field(ge=1, le=100_000_000)] = None
    """maxModelLen is the longest context in tokens (vLLM's `--max-model-len`); the model's own if absent."""
    startup_timeout_seconds: Annotated[int, Field(ge=30, le=86_400)] = 1800
    """startupTimeoutSeconds is how long one start of the engine may take, download included; then it is restarted."""


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
    """resourceName is the extended resource that the device plugin advertises, for example `nvidia.com/gpu`."""
    count: Annotated[int, Field(ge=1, le=64)] = 1
    """count of accelerators for each replica. Above 1, vLLM splits the model over them (tensor parallelism) unless args say otherwise."""  # noqa: E501


class Resources(Part):
    """Compute resources of the engine's container, as in a pod."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!has(self.requests) || !has(self.limits) || self.requests.all(k, !(k in self.limits) || "
                    "quantity(string(self.requests[k])).compareTo(quantity(string(self.limits[k]))) <= 0)",
                    "spec.resources.requests must not exceed spec.resources.limits; lower the one or raise the other",
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
    """progressDeadlineSeconds without any progress make a rollout count as failed (condition Stalled). Longer than startupTimeoutSeconds, since an image pull comes on top."""  # noqa: E501


class ModelDeploymentSpec(Part):
    """What is asked for."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!has(self.accelerator) || !has(self.resources) || "
                    "[has(self.resources.limits) && self.accelerator.resourceName in self.resources.limits, "
                    "has(self.resources.requests) && self.accelerator.resourceName in self.resources.requests]"
                    ".all(x, !x)",
                    "spec.resources must not name spec.accelerator.resourceName; set spec.accelerator.count instead",
                ),
                rule(
                    "self.rollout.progressDeadlineSeconds > self.engine.startupTimeoutSeconds",
                    "spec.rollout.progressDeadlineSeconds must be greater than spec.engine.startupTimeoutSeconds; "
                    "raise it",
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
    rollout: Rollout = Rollout()
    """rollout says how changes and shutdowns proceed."""


class Condition(Part):
    """One aspect of the state, in Kubernetes' standard form."""

    type: Annotated[str, length(1, 316)]
    """type of the condition: Ready, Reconciling, Stalled, Scheduled or EngineReady."""
    status: Literal["True", "False", "Unknown"]
    """status of the condition."""
    observed_generation: Annotated[
        int, Field(ge=0), WithJsonSchema({"type": "integer", "format": "int64"})
    ] = 0
    """observedGeneration is the generation of the spec that the condition is about."""
    last_transition_time: Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
    """lastTransitionTime is when the status last changed."""
    reason: Annotated[str, length(1, 1024)]
    """reason is a word of the documented catalogue, or what a cause from outside calls itself."""
    message: Annotated[str, length(0, 32768)]
    """message says what is the case and what to do."""


class Startup(Part):
    """How long the start of a pod took."""

    pod: Annotated[str, length(1, 253)]
    """pod that was measured: the latest that became ready without a restart."""
    scheduling_seconds: int = 0
    """schedulingSeconds from the pod's creation until it had a node."""
    preparing_seconds: int = 0
    """preparingSeconds from then until the engine's container ran: volumes, images, gateway."""
    engine_seconds: int = 0
    """engineSeconds from then until the pod was ready: weights, compilation, warm-up."""
    total_seconds: int = 0
    """totalSeconds of the phases together."""


class ModelDeploymentStatus(Part):
    """What is the case."""

    conditions: Annotated[tuple[Condition, ...], items(16, "map", "type")] = ()
    """conditions of the model. Ready says whether everything asked for runs; its reason is the cause if not."""
    observed_generation: Annotated[
        int, Field(ge=0), WithJsonSchema({"type": "integer", "format": "int64"})
    ] = 0
    """observedGeneration is the generation of the spec that the status is about."""
    replicas: Annotated[int, Field(ge=0)] = 0
    """replicas is the number of pods that exist."""
    ready_replicas: Annotated[int, Field(ge=0)] = 0
    """readyReplicas is the number of pods that answer requests."""
    selector: Annotated[str | None, length(0, 1024)] = None
    """selector of the pods, for the scale subresource."""
    url: Annotated[str | None, length(0, 1024)] = None
    """url is the base URL for OpenAI clients inside the cluster."""
    served_models: Annotated[tuple[Annotated[str, length(1, 253)], ...], items(64)] = ()
    """servedModels are the names under which the model answers."""
    startup: Startup | None = None
    """startup says how long the latest start took, by phase."""
    rendering_version: Annotated[int, Field(ge=0)] = 0
    """renderingVersion is the version of the rules by which the operator made the child objects."""


class ModelDeployment(Part):
    """ModelDeployment serves one language model with vLLM behind an OpenAI-compatible API."""

    spec: ModelDeploymentSpec
    """spec is what is asked for."""
    status: ModelDeploymentStatus = ModelDeploymentStatus()
    """status is what is the case; written by the operator only."""
