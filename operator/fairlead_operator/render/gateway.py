"""The gateway sidecar and its configuration.

The gateway is a native sidecar (an init container that keeps running): it starts before the engine, which
needs the launcher that the gateway puts into a volume for it, and stops after it, so that streams end
properly.

It reads gateway.json and the API keys again when they change, so neither is part of the pod template and a
change restarts nothing. During a rollout that means that pods of the former revision see the new file too.
The parts that describe the pod itself are therefore also pinned in the pod template: a gateway must keep the
settings of the engine that runs beside it, and use the keys that are mounted, not future ones.
"""

from __future__ import annotations

import json
from typing import Any

from fairlead_contract.defaults import UNBOUNDED_REQUESTS
from fairlead_contract.gateway_settings import (
    ApiSettings,
    AuthSettings,
    EngineSettings,
    GatewaySettings,
    ModelSettings,
    PinnedSettings,
    RequestLogSettings,
    ResourceSettings,
)
from fairlead_contract.names import ADMIN_PORT, API_PORT, API_PORT_NAME, GATEWAY_VARIABLES
from fairlead_contract.paths import GATEWAY_SETTINGS, RUN_PATH
from fairlead_operator.render.arguments import STRUCTURED_OUTPUTS_BACKENDS, max_logprobs
from fairlead_operator.render.model import Model, Object, RenderSettings
from fairlead_operator.render.paths import LAUNCHER_PATH, LAUNCHER_VOLUME
from fairlead_operator.render.security import container_security
from fairlead_operator.render.tracing import tracing_environment

CONFIG_PATH = "/etc/fairlead/gateway"
KEYS_PATH = "/etc/fairlead/keys"


def gateway_config(model: Model, request_log: RequestLogSettings | None = None) -> GatewaySettings:
    """The contents of gateway.json; every value is written, since users read it too."""
    api, rollout, engine = model.spec.api, model.spec.rollout, model.spec.engine
    pinned = pinned_config(model)
    return GatewaySettings(
        model=pinned.model,
        engine=pinned.engine,
        auth=pinned.auth,
        resource=ResourceSettings(namespace=model.namespace, name=model.name),
        request_log=request_log or RequestLogSettings(),
        created=model.created,
        api=ApiSettings(
            dialect=api.dialect,
            defaults=api.defaults,
            limits={
                name: limit.model_dump(by_alias=True, exclude_none=True) for name, limit in api.limits.items()
            },
            unknown_fields=api.unknown_fields,
        ),
        drain_timeout_seconds=rollout.drain_timeout_seconds,
        max_body_bytes=api.max_body_bytes,
        max_running_requests=engine.max_running_requests or UNBOUNDED_REQUESTS,
        max_queued_requests=api.max_queued_requests,
        queue_timeout_seconds=api.queue_timeout_seconds,
        engine_silence_timeout_seconds=api.engine_silence_timeout_seconds,
        unresponsive_after_seconds=engine.unresponsive.after_seconds,
    )


def pinned_config(model: Model) -> PinnedSettings:
    """The part of gateway.json that is true only for the pods of this rendering."""
    engine = model.spec.engine
    return PinnedSettings(
        model=ModelSettings(
            served_name=model.served_name,
            aliases=tuple(model.spec.model.aliases),
            adapters=tuple(adapter.name for adapter in model.spec.model.adapters),
        ),
        engine=EngineSettings(
            scheduling_policy=engine.scheduling_policy,
            structured_outputs_backend=STRUCTURED_OUTPUTS_BACKENDS[engine.structured_outputs_backend],
            request_chat_templates=engine.request_chat_templates,
            media_domains=tuple(model.spec.api.media_domains),
            max_logprobs=max_logprobs(model),
        ),
        auth=AuthSettings(mode=model.spec.api.auth.mode),
    )


def render_config_map(model: Model, settings: RenderSettings) -> Object:
    """The ConfigMap NAME-gateway."""
    config = gateway_config(model, settings.request_log).model_dump(mode="json")
    text = json.dumps(config, indent=2, sort_keys=True)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": model.metadata(f"{model.name}-gateway"),
        "data": {GATEWAY_SETTINGS: text + "\n"},
    }


def gateway_volumes(model: Model) -> list[Object]:
    """The volumes of the gateway's container that no other container mounts."""
    volumes: list[Object] = [
        {"name": "gateway-tmp", "emptyDir": {}},
        {"name": "gateway-config", "configMap": {"name": f"{model.name}-gateway"}},
    ]
    if secret := model.spec.api.auth.secret_name:
        # Not optional: a pod that waits for its keys reports it; one that refuses every request would look
        # ready.
        source = {"secretName": secret, "defaultMode": 0o440, "optional": False}
        volumes.append({"name": "gateway-keys", "secret": source})
    return volumes


def gateway_container(model: Model, settings: RenderSettings) -> Object:
    """The gateway's container."""
    tracing = tracing_environment(model, settings.tracing, "fairlead-gateway")
    pinned = json.dumps(pinned_config(model).model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return {
        "name": "gateway",
        "image": settings.gateway_image,
        "imagePullPolicy": settings.image_pull_policy,
        "restartPolicy": "Always",
        "args": ["serve"],
        "env": [
            {"name": f"{GATEWAY_VARIABLES}CONFIG", "value": f"{CONFIG_PATH}/{GATEWAY_SETTINGS}"},
            {"name": f"{GATEWAY_VARIABLES}KEYS_DIR", "value": KEYS_PATH},
            {"name": f"{GATEWAY_VARIABLES}PINNED", "value": pinned},
            {"name": f"{GATEWAY_VARIABLES}RUN_DIR", "value": RUN_PATH},
            {"name": f"{GATEWAY_VARIABLES}LAUNCHER_DIR", "value": LAUNCHER_PATH},
            *({"name": name, "value": value} for name, value in tracing.items()),
        ],
        "ports": [
            {"name": API_PORT_NAME, "containerPort": API_PORT, "protocol": "TCP"},
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
