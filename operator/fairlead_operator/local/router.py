"""The router in front of the local models: the program of a cluster, which watches the local API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fairlead_operator.local.environment import LOOPBACK
from fairlead_operator.local.pod import Probe, Process, Program
from fairlead_operator.render.model import Model

NAME = "router"
# After the models' own drains.
MARGIN_SECONDS = 5


def drain_seconds(models: Sequence[Model]) -> int:
    """How long the router takes at most to finish requests: longer than the slowest model."""
    return max(model.spec.rollout.drain_timeout_seconds for model in models) + MARGIN_SECONDS


def router_process(
    program: Program,
    environment: Mapping[str, str],
    models: Sequence[Model],
    *,
    port: int,
    admin_port: int,
    api_port: int,
    folder: str,
) -> Process:
    """The router's process. `folder` has the file with the token for the local API, at `api_port`."""
    settings = {
        "HOST": LOOPBACK,
        "API_PORT": port,
        "ADMIN_PORT": admin_port,
        "API_SERVER": f"http://{LOOPBACK}:{api_port}",
        "TOKEN_FILE": f"{folder}/token",
        # No Service is in front of it, which would send requests for some time more.
        "LINGER_SECONDS": 0,
        "DRAIN_SECONDS": drain_seconds(models),
    }
    return Process(
        name=NAME,
        command=(*program.entrypoint, "route"),
        environment={
            **environment,
            **program.environment,
            **{f"FAIRLEAD_ROUTER_{name}": str(value) for name, value in settings.items()},
        },
        termination_log=f"{folder}/termination",
        readiness=Probe("/readyz", admin_port, period=0.5, timeout=3.0, failures=2),
    )
