"""Fixtures on a real API server: `control_plane` (one per session), `namespace` (one per test), `lws_crd`."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import crds, lws
from tests.support.control_plane import ControlPlane, ControlPlaneError

CRDS = Path(__file__).resolve().parents[2] / "crds"


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest) -> Iterator[ControlPlane]:
    """etcd, kube-apiserver and kube-controller-manager with the project's CRDs. Logs stay after a failure."""
    folder = Path(tempfile.mkdtemp(prefix="fairlead-control-plane-"))
    plane = ControlPlane(folder)
    plane.start()
    try:
        crds.install(plane, CRDS, "ModelDeployment")
        yield plane
    finally:
        plane.stop()
        if request.session.testsfailed:
            print(f"\nlogs of the control plane: {folder}/*.log", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """The name of a fresh namespace that pods can be created in at once; deleted afterwards, unawaited."""
    name = f"t-{uuid.uuid4().hex[:10]}"
    control_plane.kubectl("create", "namespace", name)
    _wait_for_default_account(control_plane, name)
    yield name
    control_plane.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


@pytest.fixture
def lws_crd(control_plane: ControlPlane) -> Iterator[str]:
    """LeaderWorkerSet's CRD is installed during the test; its name. Other tests find a cluster without it."""
    lws.install(control_plane)
    yield lws.CRD
    lws.remove(control_plane)


def _wait_for_default_account(plane: ControlPlane, namespace: str) -> None:
    """Pods are refused until the controller manager has made the namespace's default service account."""
    end = time.monotonic() + 60
    while not plane.kubectl("get", "serviceaccount", "default", "-n", namespace, "--ignore-not-found"):
        if time.monotonic() > end:
            raise ControlPlaneError(f"no default service account in {namespace} after 60 s")
        time.sleep(0.05)
