"""The router's settings: environment variables with the prefix FAIRLEAD_ROUTER_. Seconds and bytes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from fairlead_contract.defaults import DRAIN_TIMEOUT_SECONDS, SLOW_REQUEST_SECONDS
from fairlead_contract.gateway_settings import RequestLogMode
from fairlead_contract.names import ADMIN_PORT, API_PORT
from fairlead_contract.paths import IDENTITY_KEY
from fairlead_gateway.admission.priority_classes import PriorityClasses
from fairlead_gateway.bounds import MAX_CONNECTIONS
from fairlead_gateway.cors import DEFAULT_EXPOSED_HEADERS, DEFAULT_HEADERS, CorsPolicy, split

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def _api_server() -> str:
    """By the variables that the kubelet sets in every container."""
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
    port = os.environ.get("KUBERNETES_SERVICE_PORT_HTTPS", "443")
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _own_service() -> str:
    """Of the router's own Service only the namespace is known, where it runs in a pod."""
    namespace = _ACCOUNT / "namespace"
    return f".{namespace.read_text().strip()}" if namespace.is_file() else ""


class RouterSettings(BaseSettings):
    """Settings of `route`. A wrong value stops the router at its start with a message that names it."""

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_ROUTER_", frozen=True)

    # An address, or "" for all of the pod, IPv4 and IPv6: the Service and the kubelet may use either.
    host: str = ""
    api_port: int = API_PORT
    admin_port: int = ADMIN_PORT
    # Namespaces whose models are served, separated by commas; empty for all.
    watch_namespaces: str = ""
    # The router's own Service as NAME.NAMESPACE. Requests by the Services of other namespaces mean the models
    # there.
    service: str = Field(default_factory=_own_service)
    # The port of the models' gateways; EndpointSlices with other ports, or with addresses that no pod has,
    # get no requests. 0 for any, in tests.
    pod_port: int = 0
    api_server: str = Field(default_factory=_api_server)
    token_file: Path = _ACCOUNT / "token"
    ca_file: Path = _ACCOUNT / "ca.crt"
    # Well below the 60 s after which common load balancers give up on a silent connection.
    ping_seconds: float = 15
    upload_seconds: float = 60
    # How long a pod may take to accept a connection before another one is tried.
    connect_seconds: float = 2
    # How long requests wait for the first list of models after a start.
    sync_seconds: float = 60
    # After SIGTERM requests still arrive until the endpoints of the Service have spread.
    linger_seconds: float = 5
    # Within this time after SIGTERM requests are finished; those still held then end with an error.
    drain_seconds: int = Field(default=DRAIN_TIMEOUT_SECONDS, ge=1)
    # The bodies of all requests that are on their way to a pod or wait for one, in the container's 1 GiB. One
    # client, and the requests held for one model, get a third of it at most (`admission.shares`).
    max_body_bytes_in_flight: int = 384 << 20
    # The largest body; it also bounds a model's own limit.
    max_body_bytes: int = 64 << 20
    max_connections: int = MAX_CONNECTIONS
    # With APIKey, requests need one of the keys in `keys_dir`, a mounted Secret with one file for each.
    # Models' gateways then get the identity of a client in place of its key, signed with the private key in
    # `identity_file`. With None the router passes keys on, and only gateways with keys of their own check
    # them.
    auth_mode: Literal["None", "APIKey"] = "None"
    keys_dir: Path = Path("/etc/fairlead/keys")
    identity_file: Path = Path("/etc/fairlead/identity") / IDENTITY_KEY
    # The priority classes of keys, the highest first, with commas between them; and that of other keys.
    priority_classes: str = ",".join(PriorityClasses().names)
    default_priority_class: str = PriorityClasses().default
    # The folder of a mounted TLS Secret. With it `tls_port` serves the API too, with TLS.
    tls_dir: Path | None = None
    tls_port: int = 8443
    # Pages of other origins that may call from a browser: lists with commas between the parts. Without an
    # origin CORS is off.
    cors_allowed_origins: str = ""
    cors_allowed_methods: str = "GET, HEAD, POST"
    cors_allowed_headers: str = ", ".join(DEFAULT_HEADERS)
    cors_exposed_headers: str = ", ".join(DEFAULT_EXPOSED_HEADERS)
    cors_allow_credentials: bool = False
    cors_max_age_seconds: int = Field(default=600, ge=0)
    log_level: str = "info"
    # Which requests have a line in the request log, and how long a first token, or an answer that is not
    # streamed, takes in a request that is slow.
    request_log: RequestLogMode = "Failed"
    slow_request_seconds: float = Field(default=SLOW_REQUEST_SECONDS, gt=0)

    @property
    def cors(self) -> CorsPolicy | None:
        """None where no origin is allowed. Raises ValueError that names the chart's value."""
        origins = split(self.cors_allowed_origins)
        if not origins:
            return None
        return CorsPolicy(
            origins=frozenset(origin.encode() for origin in origins),
            methods=split(self.cors_allowed_methods),
            headers=split(self.cors_allowed_headers.lower()),
            exposed_headers=split(self.cors_exposed_headers),
            credentials=self.cors_allow_credentials,
            max_age_seconds=self.cors_max_age_seconds,
        )

    @property
    def classes(self) -> PriorityClasses:
        """Raises ValueError that names what is wrong."""
        return PriorityClasses.read(split(self.priority_classes), self.default_priority_class)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces to serve; none means all."""
        return tuple(name.strip() for name in self.watch_namespaces.split(",") if name.strip())
