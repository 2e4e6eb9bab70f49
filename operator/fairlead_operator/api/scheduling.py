"""spec.accelerator, spec.resources and spec.scheduling: what a pod needs and where it may run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from fairlead_operator.api.env import Quantity
from fairlead_operator.api.markers import FORBIDDEN, items, length, properties, rule, validations
from fairlead_operator.api.part import ApiObject

# Fragments of Kubernetes' own API without a schema here: the API server checks them in the Deployment, and
# its message names the field.
RAW_OBJECT = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "maxProperties": 64}


class Accelerator(ApiObject):
    """Accelerators of each pod."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "has(self.resourceName) != has(self.deviceClassName)",
                    "spec.accelerator needs either resourceName (device plugin) or deviceClassName (dynamic "
                    "resource allocation)",
                ),
                rule(
                    "!has(self.selectors) || has(self.deviceClassName)",
                    "spec.accelerator.selectors needs spec.accelerator.deviceClassName; use "
                    "spec.scheduling.nodeSelector with resourceName",
                    at=".selectors",
                    reason=FORBIDDEN,
                ),
            ]
        }
    )

    resource_name: Annotated[
        str | None,
        length(3, 253),
        validations(
            rule(
                "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$')",
                "spec.accelerator.resourceName must be qualified like nvidia.com/gpu",
            )
        ),
    ] = None
    """resourceName is the extended resource that the device plugin advertises, for example
    `nvidia.com/gpu`, `amd.com/gpu` or `nvidia.com/mig-3g.40gb`.
    """
    device_class_name: Annotated[
        str | None,
        length(1, 253),
        validations(
            rule(
                "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
                "spec.accelerator.deviceClassName must be the name of a DeviceClass like gpu.nvidia.com",
            )
        ),
    ] = None
    """deviceClassName is the DeviceClass from which dynamic resource allocation takes the devices, for
    example `gpu.nvidia.com`.
    """
    count: Annotated[int, Field(ge=1, le=64)] = 1
    """count of accelerators for each pod. vLLM splits the model over all of them (tensor parallelism) unless
    spec.engine says otherwise.
    """
    selectors: Annotated[tuple[Annotated[str, length(1, 10240)], ...], items(32)] = ()
    """selectors are CEL expressions about `device`, all of which a device of the class must fulfil."""


class Resources(ApiObject):
    """Compute resources of the engine's container, as in a pod."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!has(self.requests) || !has(self.limits) || self.requests.all(k, !(k in self.limits) || "
                    "quantity(string(self.requests[k])).compareTo(quantity(string(self.limits[k]))) <= 0)",
                    "spec.resources.requests must not exceed spec.resources.limits; "
                    "lower the one or raise the other",
                    at=".requests",
                )
            ]
        }
    )

    requests: Annotated[dict[str, Quantity], properties(32)] = Field(default_factory=dict)
    """requests of the engine's container."""
    limits: Annotated[dict[str, Quantity], properties(32)] = Field(default_factory=dict)
    """limits of the engine's container. Shared memory (/dev/shm) counts towards the memory limit."""


class Toleration(ApiObject):
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


class TopologySpread(ApiObject):
    """One constraint on how the model's pods are spread, as in a pod; its labelSelector is the model's."""

    max_skew: Annotated[int, Field(ge=1, le=1000)] = 1
    """maxSkew is how much the numbers of pods of two domains may differ."""
    topology_key: Annotated[str, length(1, 316)]
    """topologyKey is the node label whose values are the domains, for example
    `topology.kubernetes.io/zone`.
    """
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = "DoNotSchedule"
    """whenUnsatisfiable says whether a pod waits or is placed nevertheless."""
    min_domains: Annotated[int | None, Field(ge=1, le=1000)] = None
    """minDomains is the least number of domains, with DoNotSchedule."""
    node_affinity_policy: Literal["Honor", "Ignore"] | None = None
    """nodeAffinityPolicy says whether nodes that the pod does not want count; Honor if absent."""
    node_taints_policy: Literal["Honor", "Ignore"] | None = None
    """nodeTaintsPolicy says whether taints of nodes count; Ignore if absent."""


class Scheduling(ApiObject):
    """Where the pods may run."""

    node_selector: Annotated[dict[str, str], properties(64)] = Field(default_factory=dict)
    """nodeSelector of the pods."""
    tolerations: Annotated[tuple[Toleration, ...], items(64)] = ()
    """tolerations of the pods."""
    affinity: Annotated[dict[str, Any], WithJsonSchema(RAW_OBJECT)] = Field(default_factory=dict)
    """affinity of the pods, as in a pod."""
    topology_spread_constraints: Annotated[tuple[TopologySpread, ...], items(16)] = ()
    """topologySpreadConstraints of the pods."""
    priority_class_name: Annotated[str | None, length(1, 253)] = None
    """priorityClassName of the pods."""
    runtime_class_name: Annotated[str | None, length(1, 253)] = None
    """runtimeClassName of the pods, for example `nvidia`."""
    scheduler_name: Annotated[str | None, length(1, 253)] = None
    """schedulerName of the pods; the default scheduler if absent."""
    queue_name: Annotated[
        str | None,
        length(1, 63),
        validations(
            rule(
                "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
                "spec.scheduling.queueName must be the name of a LocalQueue of Kueue",
            )
        ),
    ] = None
    """queueName is the LocalQueue of Kueue that admits the pods (label `kueue.x-k8s.io/queue-name`)."""
