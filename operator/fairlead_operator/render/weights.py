"""The weights in the pod: the container that downloads them, their cache, and the volumes that carry others.

The download is an init container after the gateway, which tells of its progress, and before the engine. That
one gets no credentials and no network for weights: what it needs is there when it starts, or the pod says why
not.
"""

from __future__ import annotations

import json

from fairlead_operator.render.hashing import digest
from fairlead_operator.render.model import Model, Object, RenderSettings
from fairlead_operator.render.paths import RUN_PATH, WEIGHTS_PATH
from fairlead_operator.render.quantity import canonical_quantity, whole_number
from fairlead_operator.render.security import container_security
from fairlead_operator.render.source import Place, adapter_place, model_place, scheme

CONTAINER = "weights"
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
        "name": CONTAINER,
        "image": settings.gateway_image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["python", "-m", "fairlead_weights"],
        "env": [
            {"name": "FAIRLEAD_WEIGHTS", "value": _order(model)},
            {"name": "DO_NOT_TRACK", "value": "1"},
            *_credentials(model),
        ],
        # It runs before the engine, never beside it, so that what it asks for costs nothing. Most of its
        # memory are pages of written files, which the kernel takes back. No CPU limit: it checks digests.
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

    Kubernetes lets only its size grow afterwards, so that everything else is as it was when it was made
    (`plan.claims`). Several pods want to mount it on several nodes; for a single one, a claim that only one
    node can mount asks less of the storage.
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
    """What the container reads: all that is to be downloaded, and where it goes."""
    order: Object = {"jobs": _jobs(model), "cache": WEIGHTS_PATH, "state": f"{RUN_PATH}/weights.json"}
    cache = model.spec.model.cache
    if cache.type == "Ephemeral" and cache.size:
        # The kubelet would evict a pod that exceeds the limit, and say little about it.
        order["capacityBytes"] = whole_number(cache.size)
    return json.dumps(order, sort_keys=True, separators=(",", ":"))


def _jobs(model: Model) -> list[Object]:
    wanted = model.spec.model
    asked = [("model", wanted.source, wanted.revision, model_place(model))]
    asked += [
        (adapter.name, adapter.source, adapter.revision, adapter_place(model, adapter))
        for adapter in wanted.adapters
    ]
    return [
        {
            "name": name,
            "source": source,
            "revision": revision,
            "endpoint": _endpoint(model, source),
            "region": wanted.region if scheme(source) == "s3" else None,
            "target": place.link,
        }
        for name, source, revision, place in asked
        if place.downloaded
    ]


def _endpoint(model: Model, source: str) -> str | None:
    """The endpoint is the model's: that of a hub is none for a bucket's adapter."""
    wanted = model.spec.model
    same = scheme(wanted.source) == scheme(source)
    return wanted.endpoint if same or not model_place(model).downloaded else None


def _credentials(model: Model) -> list[Object]:
    credentials = model.spec.model.credentials
    if not credentials:
        return []
    schemes = sorted({scheme(job["source"]) for job in _jobs(model)})
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
