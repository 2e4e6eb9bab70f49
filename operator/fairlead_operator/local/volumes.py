"""The volumes of a rendered pod as folders of this machine. Pure: it says what is to be made.

| volume | folder |
|---|---|
| emptyDir | a new one in the pod's folder; of medium Memory: /dev/shm of this machine |
| configMap, secret, projected | a new one with the files |
| persistentVolumeClaim | that of `--volume CLAIM=FOLDER`; for a claim made for a model one in the cache |
| hostPath | the path itself |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fairlead_operator.local.errors import LocalError
from fairlead_operator.local.sources import Files, Sources

Object = dict[str, Any]

# Every process of this machine shares it, as the containers of one pod share theirs.
SHARED_MEMORY = "/dev/shm"  # noqa: S108 -- a mount of the rendered pod


@dataclass(frozen=True)
class Folder:
    """The folder of a volume. `made` if it is created when it is missing, with these `files`."""

    path: str
    made: bool = True
    files: Files = field(default_factory=dict)


def pod_folders(spec: Object, folder: str, kept: Mapping[str, str], sources: Sources) -> dict[str, Folder]:
    """The folder of every volume by its name. `kept` are folders, by volume, that outlive the pod.

    Raises LocalError for what is missing or cannot be on this machine.
    """
    found: dict[str, Folder] = {}
    problems: list[str] = []
    for volume in spec.get("volumes") or ():
        name = volume["name"]
        try:
            found[name] = Folder(kept[name]) if name in kept else _folder(volume, f"{folder}/{name}", sources)
        except LocalError as error:
            problems += error.problems
    if problems:
        raise LocalError(*problems)
    return found


def mounts_of(container: Object, folders: Mapping[str, Folder]) -> dict[str, str]:
    """The container's paths with the folders that stand for them."""
    return {
        mount["mountPath"]: "/".join(filter(None, (folders[mount["name"]].path, mount.get("subPath"))))
        for mount in container.get("volumeMounts") or ()
        if mount["name"] in folders and mount["mountPath"] != folders[mount["name"]].path
    }


def _folder(volume: Object, path: str, sources: Sources) -> Folder:
    if (empty := volume.get("emptyDir")) is not None:
        return Folder(SHARED_MEMORY if empty.get("medium") == "Memory" else path)
    if claim := volume.get("persistentVolumeClaim"):
        name = claim["claimName"]
        if name not in sources.claims:
            raise LocalError(f"claim {name}: name the folder that stands for it: --volume {name}=FOLDER")
        return Folder(sources.claims[name])
    if host := volume.get("hostPath"):
        return Folder(host["path"], made=host.get("type") == "DirectoryOrCreate")
    if (parts := _parts(volume)) is not None:
        return Folder(path, files=dict(file for part in parts for file in _files(part, sources)))
    kind = next((key for key in volume if key != "name"), "none")
    raise LocalError(
        f"volume {volume['name']}: a volume of type {kind} is made by a cluster only; "
        "use a claim with --volume, or hostPath"
    )


def _parts(volume: Object) -> list[Object] | None:
    """The Secrets and ConfigMaps in a volume; None for another kind of volume."""
    if "projected" in volume:
        return list(volume["projected"].get("sources") or ())
    return [volume] if "configMap" in volume or "secret" in volume else None


def _files(part: Object, sources: Sources) -> Iterator[tuple[str, bytes]]:
    kind = "ConfigMap" if "configMap" in part else "Secret"
    reference = part.get("configMap") or part.get("secret") or {}
    name = reference.get("name") or reference.get("secretName") or ""
    keys = (sources.config_maps if kind == "ConfigMap" else sources.secrets).get(name)
    if keys is None:
        if not reference.get("optional"):
            raise missing(kind, name)
        return
    items = reference.get("items")
    for key, path in (
        [(item["key"], item["path"]) for item in items] if items else [(key, key) for key in keys]
    ):
        if key in keys:
            yield path, keys[key]
        elif not reference.get("optional"):
            raise missing(kind, name, key)


def missing(kind: str, name: str, key: str = "") -> LocalError:
    """The error about a Secret or ConfigMap, or a key of it, that was not given."""
    what = f"{kind} {name}" + (f" has no key {key}" if key else " is missing")
    remedy = "add it to a file of -f"
    if kind == "Secret":
        remedy += f", or name a folder with a file for each key: --secret {name}=FOLDER"
    return LocalError(f"{what}: {remedy}")
