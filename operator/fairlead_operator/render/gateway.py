"""The gateway sidecar and its configuration.

The gateway is a native sidecar (an init container that keeps running): it starts before the engine, which
needs the launcher that the gateway puts into the shared directory, and stops after it, so that streams end
properly.
"""

from __future__ import annotations

import json
from typing import Any

from fairlead_operator.render.model import Model, Object, RenderSettings
from fairlead_operator.render.security import container_security

API_PORT = 8000
ADMIN_PORT = 8001
CONFIG_PATH = "/etc/fairlead"
RUN_PATH = "/run/fairlead"
MAX_BODY_BYTES = 32 * 1024 * 1024


def gateway_config(model: Model) -> Object:
    """What the gateway reads from gateway.json."""
    return {
        "model": {"servedName": model.served_name, "aliases": list(model.spec.model.aliases)},
        "drainTimeoutSeconds": model.spec.rollout.drain_timeout_seconds,
        "maxBodyBytes": MAX_BODY_BYTES,
        "maxRunningRequests": None,
    }


def render_config_map(model: Model) -> Object:
    """The ConfigMap NAME-gateway."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": model.metadata(f"{model.name}-gateway"),
        "data": {"gateway.json": json.dumps(gateway_config(model), indent=2, sort_keys=True) + "\n"},
    }


def gateway_container(settings: RenderSettings) -> Object:
    """The gateway's container."""
    return {
        "name": "gateway",
        "image": settings.gateway_image,
        "imagePullPolicy": settings.image_pull_policy,
        "restartPolicy": "Always",
        "args": ["serve"],
        "env": [
            {"name": "FAIRLEAD_GATEWAY_CONFIG", "value": f"{CONFIG_PATH}/gateway.json"},
            {"name": "FAIRLEAD_GATEWAY_RUN_DIR", "value": RUN_PATH},
        ],
        "ports": [
            {"name": "http", "containerPort": API_PORT, "protocol": "TCP"},
            {"name": "admin", "containerPort": ADMIN_PORT, "protocol": "TCP"},
        ],
        "startupProbe": {"httpGet": _get("/healthz"), "periodSeconds": 1, "failureThreshold": 120},
        "readinessProbe": {
            "httpGet": _get("/readyz"),
            "periodSeconds": 2,
            "timeoutSeconds": 3,
            "failureThreshold": 2,
        },
        "livenessProbe": {
            "httpGet": _get("/healthz"),
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        # No CPU limit: throttling the sidecar would slow every token of the accelerators beside it.
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": container_security(read_only_root=True),
        "volumeMounts": [
            {"name": "gateway-config", "mountPath": CONFIG_PATH, "readOnly": True},
            {"name": "run", "mountPath": RUN_PATH},
            {"name": "gateway-tmp", "mountPath": "/tmp"},  # noqa: S108 -- an emptyDir in the container
        ],
    }


def _get(path: str) -> dict[str, Any]:
    return {"path": path, "port": "admin"}
