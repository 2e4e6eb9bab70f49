"""The API server that the pages' commands see: a control plane without nodes, with Fairlead as the README
installs it.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from e2e.cluster import tools
from tests.docs.blocks import ROOT
from tests.support import lws, prometheus_operator
from tests.support.control_plane import ControlPlane

_INSTALL = [
    "upgrade",
    "--install",
    "fairlead",
    "charts/fairlead",
    "--namespace=fairlead-system",
    "--create-namespace",
]
# Another project's kind of the same name, in a group that kubectl prefers. No command of a page may mean it.
_FOREIGN = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "modeldeployments.another.example"},
    "spec": {
        "group": "another.example",
        "scope": "Namespaced",
        "names": {"kind": "ModelDeployment", "plural": "modeldeployments", "singular": "modeldeployment"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }
        ],
    },
}


class Cluster:
    """A control plane for all pages. Not the one that other tests share: pages install and delete the CRD."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="fairlead-docs-")
        self._plane = ControlPlane(Path(self._folder.name))
        self._helm = tools.ensure(["helm"])["helm"]

    def __enter__(self) -> Self:
        self._plane.start()
        lws.install(self._plane)
        prometheus_operator.install(self._plane)
        self._plane.kubectl("apply", "--filename=-", input=json.dumps(_FOREIGN))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._plane.stop()
        self._folder.cleanup()

    @property
    def programs(self) -> list[Path]:
        """The folders of kubectl and helm."""
        return [self._plane.kubectl_path.parent, self._helm.parent]

    @property
    def variables(self) -> dict[str, str]:
        """What makes the programs use it."""
        return {"KUBECONFIG": str(self._plane.kubeconfig), "HOME": self._folder.name}

    def reset(self) -> None:
        """The chart and the models of docs/examples are there, whatever the last page did."""
        subprocess.run(
            [self._helm, *_INSTALL],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", **self.variables},
            capture_output=True,
            check=True,
            timeout=120,
        )
        crd = "crd/modeldeployments.fairlead.dev"
        for condition in ("jsonpath={.status.acceptedNames.kind}=ModelDeployment", "condition=Established"):
            self._plane.kubectl("wait", f"--for={condition}", crd, "--timeout=60s")
        self._plane.kubectl("apply", "--filename", str(ROOT / "docs" / "examples"))
