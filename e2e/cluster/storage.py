"""The default storage class of a node made here.

kind's own image brings a provisioner; ours has none. A handful of volumes on the node, made in advance,
lets claims of the default class bind just the same.
"""

from __future__ import annotations

import json
from typing import Any

# One claim uses one volume for the life of the cluster: nothing clears a released one.
VOLUMES = 24
FOLDER = "/fairlead/volumes"
STORAGE_CLASS = "standard"


def manifest() -> str:
    """The class and its volumes, as a YAML stream (of JSON documents)."""
    return "\n---\n".join(
        json.dumps(item) for item in [_storage_class(), *map(_volume, range(1, VOLUMES + 1))]
    )


def _storage_class() -> dict[str, Any]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def _volume(number: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{STORAGE_CLASS}-{number}"},
        "spec": {
            "storageClassName": STORAGE_CLASS,
            # Nominal: the node's disk is the limit.
            "capacity": {"storage": "1Ti"},
            "accessModes": ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            # The folders are in the node image, open to any user: fsGroup does nothing for host paths.
            "hostPath": {"path": f"{FOLDER}/v{number}", "type": "Directory"},
        },
    }
