"""What the gateway is told: a JSON file from the operator, and a few environment variables for the process.

The file is a mounted ConfigMap. Keys that this version does not know are ignored, because an operator may
be newer than a running gateway.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_settings import BaseSettings, SettingsConfigDict


class _FromOperator(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class ModelSettings(_FromOperator):
    """The names under which the engine's model is served."""

    served_name: str
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Served name first, then aliases."""
        return (self.served_name, *self.aliases)


class GatewaySettings(_FromOperator):
    """gateway.json as the operator renders it. Seconds and bytes; None means no bound."""

    model: ModelSettings
    drain_timeout_seconds: int = Field(default=300, ge=0)
    max_body_bytes: int = Field(default=32 << 20, gt=0)
    max_running_requests: int | None = Field(default=None, gt=0)


class ProcessSettings(BaseSettings):
    """Where this process finds its files and listens. Environment prefix FAIRLEAD_GATEWAY_."""

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_GATEWAY_", frozen=True)

    config: Path = Path("/etc/fairlead/gateway.json")
    run_dir: Path = Path("/run/fairlead")
    launcher: Path = Path(__file__).resolve().parents[1] / "launcher" / "fairlead_launcher.py"
    host: str = "0.0.0.0"  # noqa: S104 - a pod's own address; the Service and the kubelet must reach it
    api_port: int = 8000
    admin_port: int = 8001
    linger_seconds: float = 5
    log_level: str = "info"

    @property
    def engine_socket(self) -> Path:
        """Where the engine listens."""
        return self.run_dir / "engine.sock"

    @property
    def engine_state(self) -> Path:
        """Where the launcher keeps progress and cause."""
        return self.run_dir / "engine.json"


def load_settings(path: Path) -> GatewaySettings:
    """Reads gateway.json. Raises OSError or pydantic.ValidationError."""
    return GatewaySettings.model_validate_json(path.read_bytes())
