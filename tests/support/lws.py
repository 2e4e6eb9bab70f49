"""LeaderWorkerSet's own CRD on the bare control plane, so that a real API server judges what is rendered.

The CRD lies in the module of the project's release, which the Go module proxy serves and go.sum pins. Its
controller is not run: it needs certificates for webhooks, and pods on several nodes to be of any use.
"""

from __future__ import annotations

from pathlib import Path

from e2e.cluster import tools, versions
from tests.support import crds
from tests.support.control_plane import ControlPlane

MODULE = "sigs.k8s.io/lws"
CRD = "leaderworkersets.leaderworkerset.x-k8s.io"


def crd_file() -> Path:
    """The CRD of the pinned LeaderWorkerSet release; fetched if need be. Raises ClusterError without Go."""
    folder = tools.module_dir(MODULE, versions.CRD_MODULE)
    return folder / "config" / "crd" / "bases" / "leaderworkerset.x-k8s.io_leaderworkersets.yaml"


def install(plane: ControlPlane) -> None:
    """Installs the CRD and returns when the API server serves LeaderWorkerSets."""
    crds.install(plane, crd_file(), "LeaderWorkerSet")


def remove(plane: ControlPlane) -> None:
    """Removes the CRD with all its objects; returns when the API server no longer serves them."""
    plane.kubectl("delete", f"crd/{CRD}", "--ignore-not-found", "--timeout=60s")
