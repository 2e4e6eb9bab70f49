"""The gateway sidecar and its configuration.

The gateway is a native sidecar (an init container that keeps running): it starts before the engine, which
needs the launcher that the gateway puts into a volume for it, and stops after it, so that streams end
properly.

It reads gateway.json and the API keys again when they change, so neither is part of the pod template and a
change restarts nothing. During a rollout that means that pods of the former revision see the new file too.
What in it describes the pod itself is therefore also pinned there: a gateway must go on to speak for the
engine that runs beside it, and to use the keys that are mounted, not those that are to come.
"""

from __future__ import annotations

import json
from typing import Any

from fairlead_operator.render.arguments import STRUCTURED_OUTPUTS_BACKENDS, max_logprobs
from fairlead_operator.render.model import Model, Object, RenderSettings
from fairlead_operator.render.paths import LAUNCHER_PATH, LAUNCHER_VOLUME, RUN_PATH
from fairlead_operator.render.security import container_security

API_PORT = 8000
ADMIN_PORT = 8001
CONFIG_PATH = "/etc/fairlead/gateway"
KEYS_PATH = "/etc/fairlead/keys"
# More than vLLM runs at once by itself, whatever the hardware (its largest default of --max-num-seqs).
MAX_RUNNING_REQUESTS = 1024


def gateway_config(model: Model) -> Object:
    """What the gateway reads from gateway.json; everything is written out, since people read it too."""
    api = model.spec.api
    return {
        **pinned_config(model),
        "created": model.created,
        "api": {
            "dialect": api.dialect,
            "defaults": api.defaults,
            "limits": {
                name: limit.model_dump(by_alias=True, exclude_none=True) for name, limit in api.limits.items()
            },
            "unknownFields": api.unknown_fields,
        },
        "drainTimeoutSeconds": model.spec.rollout.drain_timeout_seconds,
        "maxBodyBytes": api.max_body_bytes,
        "maxRunningRequests": model.spec.engine.max_running_requests or MAX_RUNNING_REQUESTS,
        "maxQueuedRequests": api.max_queued_requests,
        "queueTimeoutSeconds": api.queue_timeout_seconds,
        "engineSilenceTimeoutSeconds": api.engine_silence_timeout_seconds,
        "unresponsiveAfterSeconds": model.spec.engine.unresponsive.after_seconds,
    }


def pinned_config(model: Model) -> Object:
    """The part of gateway.json that is true only for the pods of this rendering."""
    engine = model.spec.engine
    return {
        "model": {
            "servedName": model.served_name,
            "aliases": list(model.spec.model.aliases),
            "adapters": [adapter.name for adapter in model.spec.model.adapters],
        },
        "engine": {
            "schedulingPolicy": engine.scheduling_policy,
            "structuredOutputsBackend": STRUCTURED_OUTPUTS_BACKENDS[engine.structured_outputs_backend],
            "requestChatTemplates": engine.request_chat_templates,
            "mediaDomains": list(model.spec.api.media_domains),
            "maxLogprobs": max_logprobs(model),
        },
        "auth": {"mode": model.spec.api.auth.mode},
    }


def render_config_map(model: Model) -> Object:
    """The ConfigMap NAME-gateway."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": model.metadata(f"{model.name}-gateway"),
        "data": {"gateway.json": json.dumps(gateway_config(model), indent=2, sort_keys=True) + "\n"},
    }


def gateway_volumes(model: Model) -> list[Object]:
    """The volumes of the gateway's container that no other container mounts."""
    volumes: list[Object] = [
        {"name": "gateway-tmp", "emptyDir": {}},
        {"name": "gateway-config", "configMap": {"name": f"{model.name}-gateway"}},
    ]
    if secret := model.spec.api.auth.secret_name:
        # Not optional: a pod that waits for its keys says so; one that refuses everybody looks ready.
        source = {"secretName": secret, "defaultMode": 0o440, "optional": False}
        volumes.append({"name": "gateway-keys", "secret": source})
    return volumes


def gateway_container(model: Model, settings: RenderSettings) -> Object:
    """The gateway's container."""
    pinned = json.dumps(pinned_config(model), sort_keys=True, separators=(",", ":"))
    return {
        "name": "gateway",
        "image": settings.gateway_image,
        "imagePullPolicy": settings.image_pull_policy,
        "restartPolicy": "Always",
        "args": ["serve"],
        "env": [
            {"name": "FAIRLEAD_GATEWAY_CONFIG", "value": f"{CONFIG_PATH}/gateway.json"},
            {"name": "FAIRLEAD_GATEWAY_KEYS_DIR", "value": KEYS_PATH},
            {"name": "FAIRLEAD_GATEWAY_PINNED", "value": pinned},
            {"name": "FAIRLEAD_GATEWAY_RUN_DIR", "value": RUN_PATH},
            {"name": "FAIRLEAD_GATEWAY_LAUNCHER_DIR", "value": LAUNCHER_PATH},
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
        "volumeMounts": _mounts(model),
    }


def _mounts(model: Model) -> list[Object]:
    """Whole volumes, never a subPath: only these follow a change of their ConfigMap or Secret."""
    mounts: list[Object] = [
        {"name": "gateway-config", "mountPath": CONFIG_PATH, "readOnly": True},
        {"name": "run", "mountPath": RUN_PATH},
        {"name": LAUNCHER_VOLUME, "mountPath": LAUNCHER_PATH},
        {"name": "gateway-tmp", "mountPath": "/tmp"},  # noqa: S108 -- an emptyDir in the container
    ]
    if model.spec.api.auth.secret_name:
        mounts.append({"name": "gateway-keys", "mountPath": KEYS_PATH, "readOnly": True})
    return mounts


def _get(path: str) -> dict[str, Any]:
    return {"path": path, "port": "admin"}
