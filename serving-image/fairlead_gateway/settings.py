"""The gateway's settings: a JSON file from the operator, and a few environment variables for the process.

The file is a mounted ConfigMap and may change under a running gateway (`reload`). Keys that this version
does not know are ignored, because an operator may be newer than a running gateway.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from fairlead_contract.gateway_settings import GatewaySettings
from fairlead_contract.names import ADMIN_PORT, API_PORT, GATEWAY_VARIABLES
from fairlead_contract.paths import ENGINE_SOCKET, ENGINE_STATE, GATEWAY_SETTINGS, RUN_PATH, WEIGHTS_STATE

from .bounds import MAX_CONNECTIONS


class ProcessSettings(BaseSettings):
    """Where this process finds its files and listens. Environment prefix FAIRLEAD_GATEWAY_."""

    model_config = SettingsConfigDict(env_prefix=GATEWAY_VARIABLES, frozen=True)

    config: Path = Path("/etc/fairlead") / GATEWAY_SETTINGS
    # The keys of gateway.json that describe this pod and its engine. The file is the same for old and new
    # pods of a rollout, so these keys must not follow it.
    pinned: dict[str, Any] = Field(default_factory=dict)
    keys_dir: Path = Path("/etc/fairlead/keys")
    run_dir: Path = Path(RUN_PATH)
    # Where the launcher is put; in `run_dir` for pods that were rendered before it had a volume of its own.
    launcher_dir: Path | None = None
    # An address, or "" for all of the pod, IPv4 and IPv6: the Service and the kubelet may use either.
    host: str = ""
    api_port: int = API_PORT
    admin_port: int = ADMIN_PORT
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
        return self.run_dir / ENGINE_SOCKET

    @property
    def engine_state(self) -> Path:
        """Where the launcher keeps progress and cause."""
        return self.run_dir / ENGINE_STATE

    @property
    def weights_state(self) -> Path:
        """Where the download of the weights keeps its progress; absent where nothing is downloaded."""
        return self.run_dir / WEIGHTS_STATE


def load_settings(path: Path, pinned: Mapping[str, Any] = MappingProxyType({})) -> GatewaySettings:
    """Reads gateway.json; `pinned` keys win over its own. Raises OSError or ValueError."""
    document = orjson.loads(path.read_bytes())
    if not isinstance(document, dict):
        raise ValueError("it must be a JSON object")
    return GatewaySettings.model_validate({**document, **pinned})
