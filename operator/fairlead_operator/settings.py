"""The operator's settings: environment variables with the prefix FAIRLEAD_, in one place."""

from __future__ import annotations

import socket
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from fairlead_operator.render.model import AdminClients, RenderSettings


class Settings(BaseSettings):
    """Settings of `run`. Wrong values stop the operator at its start with a message that names the
    variable.
    """

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
    admin_port: int = Field(default=8001, ge=1, le=65535)
    """Port on which the gateways of pods, and routers, tell how far they are and what they have to do."""
    router_service: str = ""
    """The router's Service as NAME.NAMESPACE.svc.DOMAIN:PORT; empty where there is none, and then no model
    goes to zero. The port must be 80, that of the models' own Services.
    """
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Lowest level that is logged."""
    resync_seconds: int = Field(default=600, ge=10)
    """Seconds between two full passes over all models."""
    workers: int = Field(default=8, ge=1, le=64)
    """Models that are reconciled at the same time."""
    writes_per_second: int = Field(default=200, ge=1, le=2000)
    """Most writes to the API server per second, in bursts of one second's worth; fewer while it answers 429.
    200 take about one core of a control plane.
    """

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
            router_host=self.router_service.partition(":")[0],
        )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
