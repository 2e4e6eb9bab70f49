"""The engine's container: vLLM, started by the launcher, listening on a Unix socket and nowhere else."""

from __future__ import annotations

from fairlead_contract.names import ADMIN_PORT
from fairlead_contract.paths import ENGINE_SOCKET, ENGINE_STATE, RUN_PATH
from fairlead_operator.api.engine import NO_PARSER
from fairlead_operator.api.env import EnvVar
from fairlead_operator.api.names import ENGINE_CONTAINER
from fairlead_operator.api.scheduling import Resources
from fairlead_operator.render.accelerators import accelerator_resources
from fairlead_operator.render.arguments import vllm_arguments
from fairlead_operator.render.chat_template import chat_template_mounts, chat_template_volumes
from fairlead_operator.render.model import Model, Object, RenderSettings
from fairlead_operator.render.paths import LAUNCHER_FILE, LAUNCHER_PATH, LAUNCHER_VOLUME
from fairlead_operator.render.quantity import canonical_quantity
from fairlead_operator.render.security import container_security
from fairlead_operator.render.tracing import tracing_arguments, tracing_environment
from fairlead_operator.render.weights import weights_mounts, weights_volumes

HOME = "/home/fairlead"
STARTUP_PERIOD_SECONDS = 2
GRACE_AFTER_FAILED_START_SECONDS = 30
# Longer than a restart of the gateway, which must not end the engine.
LIVENESS_PERIOD_SECONDS, LIVENESS_FAILURES = 5, 6
GRACE_AFTER_HANG_SECONDS = 15
# The drain itself ends after spec.rollout.drainTimeoutSeconds; this is for the answer to arrive. The pod's
# grace period has room for it (`pod.GRACE_MARGIN_SECONDS`).
DRAIN_ANSWER_SECONDS = 5


def engine_container(model: Model, settings: RenderSettings) -> Object:
    """The engine's container."""
    engine = model.spec.engine
    container: Object = {
        "name": ENGINE_CONTAINER,
        "image": engine.image or settings.engine_image,
        "command": ["python3", LAUNCHER_FILE],
        "args": [
            *("--socket", f"{RUN_PATH}/{ENGINE_SOCKET}"),
            *("--state", f"{RUN_PATH}/{ENGINE_STATE}"),
            *_not_inferred(model),
            "--",
            *tracing_arguments(settings.tracing),
            *vllm_arguments(model),
        ],
        "env": _environment(model, settings),
        "resources": _resources(model),
        "securityContext": container_security(read_only_root=False),
        # The gateway answers for the engine, whose socket the kubelet cannot reach. Only the start is bounded
        # here;
        # afterwards readiness is the gateway's own probe.
        "startupProbe": {
            "httpGet": {"path": "/readyz", "port": ADMIN_PORT},
            "periodSeconds": STARTUP_PERIOD_SECONDS,
            "timeoutSeconds": 3,
            # A start that took too long has no request to finish.
            "terminationGracePeriodSeconds": GRACE_AFTER_FAILED_START_SECONDS,
            "failureThreshold": -(-engine.startup_timeout_seconds // STARTUP_PERIOD_SECONDS),
        },
        # Returns when no request is in flight, so that SIGTERM reaches an idle engine. It runs in the pod,
        # because a drain changes state: the kubelet can only GET, and the gateway drains for its own pod
        # alone.
        "lifecycle": {"preStop": {"exec": {"command": _drain(model)}}},
        "volumeMounts": [*_mounts(model), *chat_template_mounts(model)],
    }
    if engine.unresponsive.action == "Restart":
        container["livenessProbe"] = {
            "httpGet": {"path": "/livez", "port": ADMIN_PORT},
            "periodSeconds": LIVENESS_PERIOD_SECONDS,
            "timeoutSeconds": 5,
            "failureThreshold": LIVENESS_FAILURES,
            # Its requests make no progress any more.
            "terminationGracePeriodSeconds": GRACE_AFTER_HANG_SECONDS,
        }
    if engine.image_pull_policy:
        container["imagePullPolicy"] = engine.image_pull_policy
    return container


def _not_inferred(model: Model) -> list[str]:
    """Options of the launcher for the parsers that the engine must not have."""
    engine, options = model.spec.engine, list[str]()
    if engine.tool_call_parser == NO_PARSER:
        options += ["--no-tool-call-parser"]
    if engine.reasoning_parser == NO_PARSER:
        options += ["--no-reasoning-parser"]
    return options


def _drain(model: Model) -> list[str]:
    timeout = model.spec.rollout.drain_timeout_seconds + DRAIN_ANSWER_SECONDS
    return ["python3", LAUNCHER_FILE, "drain", "--port", str(ADMIN_PORT), "--timeout", str(timeout)]


def _environment(model: Model, settings: RenderSettings) -> list[Object]:
    """Environment of the engine: ours, overridden by the user's variables of the same name."""
    ours: dict[str, Object] = {
        name: {"name": name, "value": value}
        for name, value in {
            # The user id has no entry in the image's passwd file; torch needs a name and a home.
            "HOME": HOME,
            "USER": "fairlead",
            "HF_HOME": f"{HOME}/.cache/huggingface",
            # What the engine loads is there before it starts; it has no credentials to fetch anything.
            "HF_HUB_OFFLINE": "1",
            "VLLM_NO_USAGE_STATS": "1",
            "DO_NOT_TRACK": "1",
            # Longer than the gateway keeps idle connections, so that it is never the engine that closes one
            # in use.
            "VLLM_HTTP_TIMEOUT_KEEP_ALIVE": "120",
            # A permitted host must not be able to send the engine to one that is not.
            "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
            "VLLM_ENGINE_READY_TIMEOUT_S": str(model.spec.engine.startup_timeout_seconds),
            **tracing_environment(model, settings.tracing, "vllm"),
        }.items()
    }
    if model.spec.engine.nodes > 1:
        # Of several addresses the engine must not choose one that the other nodes do not reach.
        ours["VLLM_HOST_IP"] = {
            "name": "VLLM_HOST_IP",
            "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}},
        }
    theirs = {variable.name: _env_var(variable) for variable in model.spec.engine.env}
    return [*(value for name, value in ours.items() if name not in theirs), *theirs.values()]


def _env_var(variable: EnvVar) -> Object:
    rendered: Object = variable.model_dump(by_alias=True, exclude_none=True)
    if divisor := rendered.get("valueFrom", {}).get("resourceFieldRef", {}).get("divisor"):
        rendered["valueFrom"]["resourceFieldRef"]["divisor"] = canonical_quantity(divisor)
    return rendered


def _resources(model: Model) -> Object:
    rendered, accelerators = _quantities(model.spec.resources), accelerator_resources(model)
    for kind, values in accelerators.items():
        rendered[kind] = {**rendered.get(kind, {}), **values} if isinstance(values, dict) else values
    return rendered


def _quantities(resources: Resources) -> Object:
    kinds = {"requests": resources.requests, "limits": resources.limits}
    return {
        kind: {name: canonical_quantity(value) for name, value in sorted(values.items())}
        for kind, values in kinds.items()
        if values
    }


def _mounts(model: Model) -> list[Object]:
    return [
        {"name": "run", "mountPath": RUN_PATH},
        {"name": LAUNCHER_VOLUME, "mountPath": LAUNCHER_PATH, "readOnly": True},
        {"name": "home", "mountPath": HOME},
        {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 -- the container's shared memory
        *weights_mounts(model),
    ]


def engine_volumes(model: Model) -> list[Object]:
    """The volumes that the engine mounts, shared with other containers or not."""
    return [
        {"name": "run", "emptyDir": {}},
        {"name": LAUNCHER_VOLUME, "emptyDir": {}},
        {"name": "home", "emptyDir": {}},
        # vLLM's processes exchange tensors through shared memory; the runtime's default of 64 MiB is too
        # small.
        {"name": "shm", "emptyDir": {"medium": "Memory"}},
        *weights_volumes(model),
        *chat_template_volumes(model),
    ]
