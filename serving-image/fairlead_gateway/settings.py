"""What the gateway is told: a JSON file from the operator, and a few environment variables for the process.

The file is a mounted ConfigMap and may change under a running gateway (`reload`). Keys that this version
does not know are ignored, because an operator may be newer than a running gateway.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_settings import BaseSettings, SettingsConfigDict

from .bounds import MAX_CONNECTIONS

# vLLM's own largest default of --max-num-seqs: more can never run at once, so this bound is none.
UNBOUNDED_REQUESTS = 1024


class _FromOperator(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class ModelSettings(_FromOperator):
    """The names under which the engine's model is served, and those of its LoRA adapters."""

    served_name: str
    aliases: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Served name first, then aliases, then adapters: all that a request may ask for."""
        return (self.served_name, *self.aliases, *self.adapters)


class ApiSettings(_FromOperator):
    """The provider document that the API keeps, and what the model's owner changed of it."""

    dialect: str = "OpenAI"
    defaults: dict[str, Any] = Field(default_factory=dict)
    limits: dict[str, dict[str, Any]] = Field(default_factory=dict)
    unknown_fields: Literal["Ignore", "Reject"] = "Ignore"


class AuthSettings(_FromOperator):
    """Who may call. The keys themselves are files of a mounted Secret (`ProcessSettings.keys_dir`)."""

    mode: Literal["None", "APIKey"] = "None"


class EngineSettings(_FromOperator):
    """How the engine was configured, as far as it decides which parameters it can honour."""

    scheduling_policy: Literal["FirstComeFirstServed", "Priority"] = "FirstComeFirstServed"
    structured_outputs_backend: str = "auto"
    request_chat_templates: Literal["Deny", "Allow"] = "Deny"
    media_domains: tuple[str, ...] = ()
    max_logprobs: int = 20


class GatewaySettings(_FromOperator):
    """gateway.json as the operator renders it. Seconds, bytes and numbers of requests."""

    model: ModelSettings
    # Unix seconds: when the ModelDeployment was created, as the router reports it too. 0 if unknown.
    created: int = Field(default=0, ge=0)
    api: ApiSettings = ApiSettings()
    auth: AuthSettings = AuthSettings()
    engine: EngineSettings = EngineSettings()
    drain_timeout_seconds: int = Field(default=300, ge=0)
    max_body_bytes: int = Field(default=32 << 20, gt=0)
    max_running_requests: int = Field(default=UNBOUNDED_REQUESTS, gt=0)
    max_queued_requests: int = Field(default=1024, ge=0)
    queue_timeout_seconds: int = Field(default=120, gt=0)
    # The default read timeout of OpenAI's SDKs: after so long a silence nobody listens any more.
    engine_silence_timeout_seconds: int = Field(default=600, gt=0)
    unresponsive_after_seconds: int = Field(default=300, gt=0)


class ProcessSettings(BaseSettings):
    """Where this process finds its files and listens. Environment prefix FAIRLEAD_GATEWAY_."""

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_GATEWAY_", frozen=True)

    config: Path = Path("/etc/fairlead/gateway.json")
    # What of gateway.json describes this pod and its engine. The file is the same for old and new pods of a
    # rollout, so these keys must not follow it.
    pinned: dict[str, Any] = Field(default_factory=dict)
    keys_dir: Path = Path("/etc/fairlead/keys")
    run_dir: Path = Path("/run/fairlead")
    # Where the launcher is put; in `run_dir` for pods that were rendered before it had a volume of its own.
    launcher_dir: Path | None = None
    launcher: Path = Path(__file__).resolve().parents[1] / "launcher" / "fairlead_launcher.py"
    # An address, or "" for all of the pod, IPv4 and IPv6: the Service and the kubelet may use either.
    host: str = ""
    api_port: int = 8000
    admin_port: int = 8001
    linger_seconds: float = 5
    # Well below the 60 s after which common load balancers give up on a silent connection.
    ping_seconds: float = 15
    # How long a client may pause while it sends a request's body.
    upload_seconds: float = 60
    # A body is parsed while nothing else happens and kept once, so this is what all of them take in the
    # container's 1 GiB. One client gets a third of it at most (`admission.shares`).
    max_body_bytes_in_flight: int = 256 << 20
    max_connections: int = MAX_CONNECTIONS
    log_level: str = "info"

    @property
    def engine_socket(self) -> Path:
        """Where the engine listens."""
        return self.run_dir / "engine.sock"

    @property
    def engine_state(self) -> Path:
        """Where the launcher keeps progress and cause."""
        return self.run_dir / "engine.json"

    @property
    def weights_state(self) -> Path:
        """Where the download of the weights keeps its progress; absent where nothing is downloaded."""
        return self.run_dir / "weights.json"


def load_settings(path: Path, pinned: Mapping[str, Any] = MappingProxyType({})) -> GatewaySettings:
    """Reads gateway.json; `pinned` keys win over its own. Raises OSError or ValueError."""
    document = orjson.loads(path.read_bytes())
    if not isinstance(document, dict):
        raise ValueError("it must be a JSON object")
    return GatewaySettings.model_validate({**document, **pinned})
