"""The weights in the pod: the container that downloads them, their cache, and the volumes that carry others.

The download is an init container after the gateway, which reports its progress, and before the engine. The
engine gets no credentials and no network for weights: the weights are there when it starts, or the pod
reports why not.
"""

from __future__ import annotations

import json

from fairlead_contract.download_order import DownloadJob, DownloadOrder
from fairlead_contract.names import DOWNLOAD_ORDER_VARIABLE
from fairlead_contract.paths import RUN_PATH, WEIGHTS_STATE
from fairlead_operator.api.names import WEIGHTS_CONTAINER
from fairlead_operator.render.hashing import digest
from fairlead_operator.render.model import Model, Object, RenderSettings
from fairlead_operator.render.paths import WEIGHTS_PATH
from fairlead_operator.render.quantity import canonical_quantity, whole_number
from fairlead_operator.render.security import container_security
from fairlead_operator.render.source import Place, adapter_place, model_place, scheme

_CACHE = "weights"

# The variables that the libraries read, by scheme: (variable, key of the Secret, whether it may be absent).
_CREDENTIALS = {
    "hf": (("HF_TOKEN", "token", False),),
    "s3": (
        ("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID", False),
        ("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", False),
        ("AWS_SESSION_TOKEN", "AWS_SESSION_TOKEN", True),
    ),
}


def claim_name(model: Model) -> str | None:
    """The claim that is made for the model, if any."""
    cache = model.spec.model.cache
    made = cache.type == "PersistentVolumeClaim" and not cache.claim_name
    return f"{model.name}-weights" if made and downloads(model) else None


def downloads(model: Model) -> bool:
    """Whether anything is downloaded."""
    return bool(_jobs(model))


def weights_containers(model: Model, settings: RenderSettings) -> list[Object]:
    """The container that downloads, if anything is."""
    if not downloads(model):
        return []
    container = {
        "name": WEIGHTS_CONTAINER,
        "image": settings.gateway_image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["python", "-m", "fairlead_weights"],
        "env": [
            {"name": DOWNLOAD_ORDER_VARIABLE, "value": _order(model)},
            {"name": "DO_NOT_TRACK", "value": "1"},
            *_credentials(model),
        ],
        # It runs before the engine, never beside it, so its requests add nothing. Most of its memory are
        # pages of written files, which the kernel reclaims. No CPU limit: it checks digests.
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": container_security(read_only_root=True),
        "volumeMounts": [
            {"name": "run", "mountPath": RUN_PATH},
            {"name": _CACHE, "mountPath": WEIGHTS_PATH},
        ],
    }
    return [container]


def weights_volumes(model: Model) -> list[Object]:
    """The volumes with weights: one for each claim, image or folder, and the cache of what is downloaded."""
    found = {_volume_name(place): place.volume for place in _places(model) if place.volume}
    if downloads(model):
        found[_CACHE] = _cache_volume(model)
    return [{"name": name, **volume} for name, volume in found.items()]


def weights_mounts(model: Model) -> list[Object]:
    """Where the engine finds them; it changes none."""
    mounts = [(_volume_name(place), place.mount) for place in _places(model) if place.volume]
    if downloads(model):
        mounts.append((_CACHE, WEIGHTS_PATH))
    return [{"name": name, "mountPath": path, "readOnly": True} for name, path in mounts]


def render_claim(model: Model) -> Object | None:
    """The PersistentVolumeClaim NAME-weights, if one is made for the model.

    Kubernetes lets only its size grow afterwards, so everything else stays as created
    (`plan.immutable_claim_fields`). Several pods need to mount it on several nodes; for a single one, a claim
    that only one node can mount needs less from the storage.
    """
    name, cache = claim_name(model), model.spec.model.cache
    if not name or cache.size is None:
        return None
    several = model.spec.replicas > 1 or model.spec.engine.nodes > 1
    spec: Object = {
        "accessModes": ["ReadWriteMany" if several else "ReadWriteOnce"],
        "resources": {"requests": {"storage": canonical_quantity(cache.size)}},
    }
    if cache.storage_class_name:
        spec["storageClassName"] = cache.storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": model.metadata(name),
        "spec": spec,
    }


def _places(model: Model) -> list[Place]:
    return [model_place(model), *(adapter_place(model, adapter) for adapter in model.spec.model.adapters)]


def _volume_name(place: Place) -> str:
    """The same for the same claim, image or folder, whatever the order of the adapters."""
    return f"model-{digest(place.volume)[:8]}"


def _cache_volume(model: Model) -> Object:
    cache = model.spec.model.cache
    if cache.type == "PersistentVolumeClaim":
        return {"persistentVolumeClaim": {"claimName": cache.claim_name or claim_name(model)}}
    if cache.type == "HostPath":
        return {"hostPath": {"path": cache.path, "type": "DirectoryOrCreate"}}
    return {"emptyDir": {"sizeLimit": canonical_quantity(cache.size)} if cache.size else {}}


def _order(model: Model) -> str:
    """The container's input: everything to download, and the destinations."""
    order = DownloadOrder(jobs=_jobs(model), cache=WEIGHTS_PATH, state=f"{RUN_PATH}/{WEIGHTS_STATE}")
    cache = model.spec.model.cache
    if cache.type == "Ephemeral" and cache.size:
        # The kubelet would evict a pod that exceeds the limit, without the cause.
        order = order.model_copy(update={"capacity_bytes": whole_number(cache.size)})
    document = order.model_dump(mode="json", exclude_unset=True)
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def _jobs(model: Model) -> tuple[DownloadJob, ...]:
    weights = model.spec.model
    sources = [("model", weights.source, weights.revision, model_place(model))]
    sources += [
        (adapter.name, adapter.source, adapter.revision, adapter_place(model, adapter))
        for adapter in weights.adapters
    ]
    return tuple(
        DownloadJob(
            name=name,
            source=source,
            revision=revision,
            endpoint=_endpoint(model, source),
            region=weights.region if scheme(source) == "s3" else None,
            target=place.link,
        )
        for name, source, revision, place in sources
        if place.downloaded
    )


def _endpoint(model: Model, source: str) -> str | None:
    """The endpoint is the model's: that of a hub is none for a bucket's adapter."""
    weights = model.spec.model
    same = scheme(weights.source) == scheme(source)
    return weights.endpoint if same or not model_place(model).downloaded else None


def _credentials(model: Model) -> list[Object]:
    credentials = model.spec.model.credentials
    if not credentials:
        return []
    schemes = sorted({scheme(job.source) for job in _jobs(model)})
    return [
        {
            "name": variable,
            "valueFrom": {
                "secretKeyRef": {
                    "name": credentials.secret_name,
                    "key": key,
                    **({"optional": True} if optional else {}),
                }
            },
        }
        for kind in schemes
        for variable, key, optional in _CREDENTIALS[kind]
    ]
