"""The workers of a group: pods that run a part of an engine whose API is in the group's leader.

A worker has no gateway: it is ready as soon as it runs, and a container of its own puts the launcher there. A
worker that is removed, for example when its node is drained, would end the engine for all requests.
LeaderWorkerSet deletes the leader as soon as a worker is deleted (`RecreateGroupOnPodRestart`), and the
leader then drains as every pod does. So the worker only waits until the leader has drained: it reads the
leader's state and changes nothing there.
"""

from __future__ import annotations

from fairlead_contract.names import ADMIN_PORT
from fairlead_operator.api.names import GATEWAY_CONTAINER
from fairlead_operator.render.arguments import SHUTDOWN_SECONDS
from fairlead_operator.render.engine import engine_container, engine_volumes
from fairlead_operator.render.model import Model, Object, RenderSettings
from fairlead_operator.render.parallelism import LEADER_ADDRESS
from fairlead_operator.render.paths import LAUNCHER_FILE, LAUNCHER_PATH, LAUNCHER_VOLUME
from fairlead_operator.render.pod import Containers, group_scheduling, pod_annotations, pod_spec
from fairlead_operator.render.podtemplate import apply_pod_template, patch_for
from fairlead_operator.render.security import container_security
from fairlead_operator.render.weights import weights_containers

# How the gateway's image, which has the launcher as a package, makes one file of it.
WRITE_LAUNCHER = ("python", "-m", "fairlead_launcher.archive")
_LEADERS_ALONE = frozenset({GATEWAY_CONTAINER})
_OF_THE_GATEWAY = frozenset({"startupProbe", "livenessProbe"})


def worker_template(model: Model, settings: RenderSettings) -> Object:
    """The template of a group's workers. Raises PodTemplateError if spec.podTemplate does not fit."""
    containers = Containers(
        init=[_launcher_container(settings), *weights_containers(model, settings)],
        main=[_engine_container(model, settings)],
        volumes=engine_volumes(model),
    )
    spec = pod_spec(model, settings, containers, group_scheduling(model, model.worker_selector))
    template = {
        "metadata": {
            "labels": {**model.labels, **model.worker_selector},
            "annotations": pod_annotations(model),
        },
        "spec": spec,
    }
    return apply_pod_template(template, patch_for(template, model.spec.pod_template, _LEADERS_ALONE))


def _launcher_container(settings: RenderSettings) -> Object:
    return {
        "name": "launcher",
        "image": settings.gateway_image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": [*WRITE_LAUNCHER, LAUNCHER_FILE],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": container_security(read_only_root=True),
        "volumeMounts": [{"name": LAUNCHER_VOLUME, "mountPath": LAUNCHER_PATH}],
    }


def _engine_container(model: Model, settings: RenderSettings) -> Object:
    container = engine_container(model, settings)
    kept = {name: value for name, value in container.items() if name not in _OF_THE_GATEWAY}
    return {
        **kept,
        "args": ["--headless", *container["args"][2:]],
        "lifecycle": {"preStop": {"exec": {"command": _await_drain(model)}}},
    }


def _await_drain(model: Model) -> list[str]:
    """Less than the grace period, so that the worker itself still has time to end."""
    timeout = model.spec.rollout.drain_timeout_seconds + SHUTDOWN_SECONDS
    options = ["--address-from", LEADER_ADDRESS, "--port", str(ADMIN_PORT), "--timeout", str(timeout)]
    return ["python3", LAUNCHER_FILE, "await-drain", *options]
