"""The operator's settings: environment variables with the prefix FAIRLEAD_, in one place."""

from __future__ import annotations

import json
import socket
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from fairlead_contract.defaults import SLOW_REQUEST_SECONDS
from fairlead_contract.gateway_settings import RequestLogMode, RequestLogSettings
from fairlead_contract.names import ADMIN_PORT
from fairlead_operator.api.metadata import (
    RESERVED_ANNOTATIONS,
    RESERVED_LABELS,
    InheritedMetadata,
    refused_key,
)
from fairlead_operator.api.names import ROUTER_LABELS, selector
from fairlead_operator.render.model import AdminClients, ApiClients, PodUser, RenderSettings, Tracing

# Kubernetes' own bound of user and group ids.
_ID_MAXIMUM = 2_147_483_647
_GroupId = Annotated[int | None, Field(ge=0, le=_ID_MAXIMUM)]


def _parsed(value: Any) -> Any:
    """JSON text as its value. Variables are also read from the operator's Deployment (`cli.cluster`), so that
    pydantic-settings cannot do it, which decodes the environment alone. Raises ValueError.
    """
    return json.loads(value) if isinstance(value, str) else value


_Strings = Annotated[dict[str, str], NoDecode, BeforeValidator(_parsed)]


class PodSecurityContext(BaseModel):
    """User and groups of models' pods. What is absent or null is left to the platform."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    # No pod may run as root, so that 0 would never start.
    run_as_user: Annotated[int | None, Field(ge=1, le=_ID_MAXIMUM)] = None
    run_as_group: _GroupId = None
    fs_group: _GroupId = None


class Settings(BaseSettings):
    """Settings of `fairlead operator`. A wrong value stops it at its start and is named by its variable."""

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_", use_attribute_docstrings=True)

    pod_name: str = Field(default_factory=socket.gethostname)
    """Name of this replica, its identity in the Lease."""
    pod_namespace: str = "default"
    """Namespace of the operator and its Lease."""
    watch_namespaces: str = ""
    """Namespaces to serve, separated by commas; empty for all."""
    gateway_image: str
    """Image of the gateway sidecar."""
    engine_image: str
    """Engine image of models that do not name one."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """Pull policy of the gateway image."""
    network_policy: bool = True
    """Whether each model gets a NetworkPolicy."""
    monitoring_namespaces: str = ""
    """Namespaces whose pods may reach models' admin port, separated by commas."""
    lease_name: str = "fairlead-operator"
    """Name of the Lease; equal for all replicas of one installation."""
    health_port: int = Field(default=8080, ge=1, le=65535)
    """Port of /healthz, /readyz and /metrics."""
    admin_port: int = Field(default=ADMIN_PORT, ge=1, le=65535)
    """Admin port of gateways and routers, with their status and demand."""
    router_service: str = ""
    """The router's Service as NAME.NAMESPACE.svc.DOMAIN:PORT; empty where there is none, and then no model
    goes to zero. The port must be 80, that of the models' own Services.
    """
    router_selector: str = selector(ROUTER_LABELS)
    """Label selector of the routers' pods, in the operator's namespace."""
    api_namespaces: str = ""
    """Namespaces whose pods may reach models' API port, separated by commas; empty for all. With names, the
    routers may too.
    """
    pod_security_context: Annotated[PodSecurityContext, NoDecode, BeforeValidator(_parsed)] = (
        PodSecurityContext(
            runAsUser=PodUser.run_as_user, runAsGroup=PodUser.run_as_group, fsGroup=PodUser.fs_group
        )
    )
    """User and groups of models' pods as JSON, with the keys runAsUser, runAsGroup and fsGroup. A key that is
    absent is left to the platform, for example to OpenShift.
    """
    model_pull_secrets: str = ""
    """Names of the pull Secrets of models' pods, separated by commas. They must exist in each model's
    namespace.
    """
    inherited_labels: _Strings = {}
    """Labels of everything that is made for models, as JSON; a model's own spec.inheritedMetadata goes
    first.
    """
    inherited_annotations: _Strings = {}
    """The same for annotations."""
    ip_family_policy: Literal["", "SingleStack", "PreferDualStack", "RequireDualStack"] = ""
    """The ipFamilyPolicy of models' Services; empty for the cluster's default."""
    read_nodes: bool = True
    """Whether nodes are read to explain why a pod cannot be scheduled. Without the permission to list them
    the status says so.
    """
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Lowest level that is logged."""
    request_log: RequestLogMode = "Failed"
    """Which requests have a line in gateways' logs: None, Failed (those that failed or were slow) or All."""
    slow_request_seconds: float = Field(default=SLOW_REQUEST_SECONDS, gt=0)
    """Seconds after which a request without a first token, or without its whole answer, is slow."""
    tracing_endpoint: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """Base URL of an OpenTelemetry collector (OTLP over HTTP), such as http://collector.monitoring:4318, for
    the spans of gateways and engines; empty for none.
    """
    tracing_sampling_percent: int = Field(default=100, ge=0, le=100)
    """Share of the requests that have spans, of those whose client has not decided."""
    resync_seconds: int = Field(default=600, ge=10)
    """Seconds between two full passes over all models."""
    workers: int = Field(default=8, ge=1, le=64)
    """Models that are reconciled at the same time."""
    writes_per_second: int = Field(default=200, ge=1, le=2000)
    """Most writes to the API server per second, in bursts of one second's worth; fewer while it answers 429.
    200 take about one core of a control plane.
    """

    @field_validator("inherited_labels", "inherited_annotations")
    @classmethod
    def _check_inherited(cls, given: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        """The chart's schema says the same, before anything is installed."""
        reserved = RESERVED_LABELS if info.field_name == "inherited_labels" else RESERVED_ANNOTATIONS
        if refused := refused_key(given, reserved):
            raise ValueError(f"must not have {refused}")
        return given

    @field_validator("api_namespaces")
    @classmethod
    def _check_api_namespaces(cls, given: str, info: ValidationInfo) -> str:
        """A NetworkPolicy selects the routers by their labels, so these must be known one by one."""
        if _names(given) and not _labels(info.data.get("router_selector", "")):
            raise ValueError("needs a router_selector in the form KEY=VALUE,KEY=VALUE")
        return given

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces to serve; none means all."""
        return _names(self.watch_namespaces)

    @property
    def render(self) -> RenderSettings:
        """The settings that show in rendered objects."""
        return RenderSettings(
            gateway_image=self.gateway_image,
            engine_image=self.engine_image,
            image_pull_policy=self.image_pull_policy,
            admin_clients=AdminClients(self.pod_namespace, _names(self.monitoring_namespaces))
            if self.network_policy
            else None,
            api_clients=ApiClients(self.pod_namespace, _labels(self.router_selector), admitted)
            if (admitted := _names(self.api_namespaces))
            else None,
            router_host=self.router_service.partition(":")[0],
            pod_user=PodUser(**self.pod_security_context.model_dump()),
            pull_secrets=_names(self.model_pull_secrets),
            inherited_metadata=InheritedMetadata(
                labels=self.inherited_labels, annotations=self.inherited_annotations
            ),
            ip_family_policy=self.ip_family_policy,
            request_log=RequestLogSettings(mode=self.request_log, slow_seconds=self.slow_request_seconds),
            tracing=Tracing(self.tracing_endpoint, self.tracing_sampling_percent)
            if self.tracing_endpoint
            else None,
        )


def _labels(text: str) -> dict[str, str]:
    """The labels of a selector KEY=VALUE,KEY=VALUE; {} if it has another form."""
    pairs = [part.split("=") for part in _names(text)]
    return {pair[0]: pair[1] for pair in pairs} if all(len(pair) == 2 for pair in pairs) else {}


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
