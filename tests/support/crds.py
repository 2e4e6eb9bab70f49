"""Installing CustomResourceDefinitions on the bare control plane."""

from __future__ import annotations

from pathlib import Path

from tests.support.control_plane import ControlPlane


def install(plane: ControlPlane, source: Path, kind: str) -> None:
    """Applies a CRD, or a folder with one, and returns when the API server serves its kind."""
    # Server-side: some are too large for the annotation of a client-side apply.
    plane.kubectl("apply", "--server-side", "-f", str(source))
    # kubectl calls it an error that a fresh CRD has no conditions at all; they come with the accepted names.
    for condition in (f"jsonpath={{.status.acceptedNames.kind}}={kind}", "condition=Established"):
        plane.kubectl("wait", f"--for={condition}", "-f", str(source), "--timeout=60s")
