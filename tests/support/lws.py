"""LeaderWorkerSet's own CRD on the bare control plane, so that a real API server judges what is rendered.

The CRD lies in the module of the project's release, which the Go module proxy serves and go.sum pins. Its
controller is not run: it needs certificates for webhooks, and pods on several nodes to be of any use.
"""

from __future__ import annotations

from pathlib import Path

from e2e.cluster import tools, versions
from tests.support.control_plane import ControlPlane

MODULE = "sigs.k8s.io/lws"
CRD = "leaderworkersets.leaderworkerset.x-k8s.io"


def crd_file() -> Path:
    """The CRD of the pinned LeaderWorkerSet release; fetched if need be. Raises ClusterError without Go."""
    folder = tools.module_dir(MODULE, versions.CRD_MODULE)
    return folder / "config" / "crd" / "bases" / "leaderworkerset.x-k8s.io_leaderworkersets.yaml"


def install(plane: ControlPlane) -> None:
    """Installs the CRD and returns when the API server serves LeaderWorkerSets."""
    # Server-side: with two whole pod templates it is too large for the annotation of a client-side apply.
    plane.kubectl("apply", "--server-side", "-f", str(crd_file()))
    # kubectl calls it an error that a fresh CRD has no conditions at all; they come with the accepted names.
    for condition in ("jsonpath={.status.acceptedNames.kind}=LeaderWorkerSet", "condition=Established"):
        plane.kubectl("wait", f"--for={condition}", f"crd/{CRD}", "--timeout=60s")


def remove(plane: ControlPlane) -> None:
    """Removes the CRD with all its objects; returns when the API server no longer serves them."""
    plane.kubectl("delete", f"crd/{CRD}", "--ignore-not-found", "--timeout=60s")
