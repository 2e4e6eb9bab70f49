"""The Prometheus Operator's own CRDs on the bare control plane, so that a real API server judges monitors.

They lie in the module of the project's release, which the Go module proxy serves and go.sum pins. The
operator itself is not run.
"""

from __future__ import annotations

from e2e.cluster import tools, versions
from tests.support import crds
from tests.support.control_plane import ControlPlane

MODULE = "github.com/prometheus-operator/prometheus-operator"
KINDS = {
    "podmonitors": "PodMonitor",
    "prometheusrules": "PrometheusRule",
    "servicemonitors": "ServiceMonitor",
}


def install(plane: ControlPlane) -> None:
    """Installs the CRDs; returns when the API server serves their kinds. Raises ClusterError without Go."""
    folder = tools.module_dir(MODULE, versions.CRD_MODULE) / "example" / "prometheus-operator-crd"
    for plural, kind in KINDS.items():
        crds.install(plane, folder / f"monitoring.coreos.com_{plural}.yaml", kind)


def remove(plane: ControlPlane) -> None:
    """Removes the CRDs with all their objects; returns when the API server no longer serves them."""
    names = [f"crd/{plural}.monitoring.coreos.com" for plural in KINDS]
    plane.kubectl("delete", *names, "--ignore-not-found", "--timeout=60s")
