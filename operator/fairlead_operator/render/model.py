"""The input of all builders: one ModelDeployment as read, and what the operator's own settings add to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fairlead_contract.gateway_settings import RequestLogSettings
from fairlead_contract.names import MODEL_LABEL
from fairlead_contract.text import unix_seconds
from fairlead_operator.api.metadata import InheritedMetadata
from fairlead_operator.api.names import (
    API_VERSION,
    COMPONENT_LABEL,
    ENGINE_COMPONENT,
    FIELD_MANAGER,
    INSTANCE_LABEL,
    KIND,
    MANAGED_BY_LABEL,
    NAME_LABEL,
    RESTARTED_AT,
    WORKER_COMPONENT,
)
from fairlead_operator.api.spec import ModelDeploymentSpec
from fairlead_operator.api.v1alpha1 import ModelDeployment
from fairlead_operator.objects import annotations_of

Object = dict[str, Any]

# Rises when the same spec and images give different objects. It is part of the status, which so shows by
# which rules a model's objects were made.
RENDERING_VERSION = 4


@dataclass(frozen=True)
class AdminClients:
    """Clients of the admin port of models' pods, beside their own nodes: the operator, by its namespace, and
    all pods in the namespaces of the monitoring.
    """

    operator_namespace: str
    monitoring_namespaces: tuple[str, ...] = ()


@dataclass(frozen=True)
class ApiClients:
    """Clients of the API port of models' pods, where not all pods are: the routers, by their namespace and
    labels, and all pods in `namespaces`.
    """

    router_namespace: str
    router_labels: Mapping[str, str]
    namespaces: tuple[str, ...]


@dataclass(frozen=True)
class Tracing:
    """Where gateways and engines send their spans: the base URL of a collector that takes OTLP over HTTP, and
    the share of the requests that have spans unless their client decides (`traceparent`).
    """

    endpoint: str
    sampling_percent: int = 100


@dataclass(frozen=True)
class PodUser:
    """The user and groups of all containers of a pod, and of its volumes; None leaves one to the platform.

    OpenShift assigns its own user and volume group to each namespace and refuses pods that name others.
    """

    run_as_user: int | None = 65532
    run_as_group: int | None = 65532
    fs_group: int | None = 65532


@dataclass(frozen=True)
class RenderSettings:
    """The operator's settings that show in rendered objects. Without `admin_clients` there is no
    NetworkPolicy; without `api_clients` it opens the API port to all; without `router_host`, the router's
    name in the cluster's DNS, no model goes to zero; without `ip_family_policy` Services have the cluster's
    default; without `tracing` nothing sends spans.
    """

    gateway_image: str
    engine_image: str
    image_pull_policy: str = "IfNotPresent"
    admin_clients: AdminClients | None = None
    api_clients: ApiClients | None = None
    router_host: str = ""
    pod_user: PodUser = PodUser()
    pull_secrets: tuple[str, ...] = ()
    inherited_metadata: InheritedMetadata = field(default_factory=InheritedMetadata)
    request_log: RequestLogSettings = field(default_factory=RequestLogSettings)
    tracing: Tracing | None = None
    ip_family_policy: str = ""


# How a Deployment replaces its pods: a new one first, or an old one first.
SURGE: Object = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
REPLACE: Object = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
RECREATE: Object = {"type": "Recreate"}


@dataclass(frozen=True)
class Choices:
    """The planner's choices, which are not in the spec.

    `templates` are the pod templates to keep, with the version of the rules that made them; () renders them
    again. `strategy` is how the workload replaces its pods, in the form of a Deployment, and `why` the reason
    if it is not the default.
    """

    templates: tuple[Object, ...] = ()
    rendering_version: int = RENDERING_VERSION
    strategy: Object = field(default_factory=lambda: SURGE)
    why: str = ""


@dataclass(frozen=True)
class Model:
    """A ModelDeployment with its identity; `status` is the last one reported, as it is stored; `restarted_at`
    the value of the restart annotation; `created` is in Unix seconds, 0 if unknown.
    """

    name: str
    namespace: str
    uid: str
    generation: int
    spec: ModelDeploymentSpec
    status: Object
    restarted_at: str = ""
    created: int = 0

    @property
    def served_name(self) -> str:
        """The name that clients use."""
        return self.spec.model.served_name or self.name

    def without_pod_template(self) -> Model:
        """The same model, but for spec.podTemplate."""
        return replace(self, spec=self.spec.model_copy(update={"pod_template": {}}))

    def with_replicas(self, replicas: int) -> Model:
        """The same model, with another number of replicas."""
        return replace(self, spec=self.spec.model_copy(update={"replicas": replicas}))

    @property
    def all_served_names(self) -> tuple[str, ...]:
        """Every name that clients may use: the model's, its aliases, and its adapters'."""
        adapters = (adapter.name for adapter in self.spec.model.adapters)
        return (self.served_name, *self.spec.model.aliases, *adapters)

    @property
    def labels(self) -> dict[str, str]:
        """Labels of every child."""
        return {
            NAME_LABEL: "fairlead-model",
            INSTANCE_LABEL: self.name,
            COMPONENT_LABEL: ENGINE_COMPONENT,
            MANAGED_BY_LABEL: FIELD_MANAGER,
            MODEL_LABEL: self.name,
        }

    @property
    def selector(self) -> dict[str, str]:
        """The selector of the model's pods that serve; immutable once a Deployment has it."""
        return {COMPONENT_LABEL: ENGINE_COMPONENT, MODEL_LABEL: self.name}

    @property
    def worker_selector(self) -> dict[str, str]:
        """The selector of the pods that serve no requests: further nodes of a replica."""
        return {COMPONENT_LABEL: WORKER_COMPONENT, MODEL_LABEL: self.name}

    @property
    def selector_of_all(self) -> dict[str, str]:
        """The selector of all pods of the model."""
        return {MODEL_LABEL: self.name}

    def metadata(self, name: str) -> Object:
        """Metadata of a child: a name, labels, and an owner, so that it is deleted with the model."""
        owner = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
        return {"name": name, "namespace": self.namespace, "labels": self.labels, "ownerReferences": [owner]}


def parse_model(body: Object) -> Model:
    """Reads a ModelDeployment as the API server returns it. Raises pydantic.ValidationError.

    The status is taken as it is: one that a newer version wrote must not make the spec unreadable.
    """
    parsed = ModelDeployment.model_validate({"spec": body["spec"]})
    metadata = body["metadata"]
    return Model(
        name=metadata["name"],
        namespace=metadata["namespace"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        spec=parsed.spec,
        status=body.get("status") or {},
        restarted_at=annotations_of(body).get(RESTARTED_AT, ""),
        created=unix_seconds(metadata.get("creationTimestamp")),
    )
