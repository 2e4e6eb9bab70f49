"""The chart as a base for kustomize, with the kustomize that kubectl has."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.cluster import tools
from tests.gitops.status import ROOT, SCRIPT
from tests.release.support import output
from tests.support.control_plane import ControlPlane

Object = dict[str, Any]
OVERLAY = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../charts]
replicas: [{name: fairlead-operator, count: 2}]
images: [{name: ghcr.io/fairlead-dev/operator, newName: mirror.example/operator}]
"""


def build(folder: Path) -> str:
    """What `kubectl kustomize` makes of a folder."""
    programs = tools.ensure(["kubectl", "helm"])
    helm = ("--enable-helm", "--helm-command", programs["helm"])
    return output(programs["kubectl"], "kustomize", *helm, folder)


def objects(text: str) -> dict[tuple[str, str], Object]:
    """By kind and name."""
    return {(item["kind"], item["metadata"]["name"]): item for item in yaml.safe_load_all(text)}


def test_the_base_has_the_objects_of_the_chart_and_their_namespace() -> None:
    helm = tools.ensure(["helm"])["helm"]
    chart = (
        "template",
        "fairlead",
        ROOT / "charts/fairlead",
        "--namespace",
        "fairlead-system",
        "--skip-tests",
    )
    expected = objects(output(helm, *chart))
    assert objects(build(ROOT / "charts")).keys() == expected.keys() | {("Namespace", "fairlead-system")}


def test_nothing_of_the_base_waits_for_helm() -> None:
    for body in objects(build(ROOT / "charts")).values():
        assert not [key for key in body["metadata"].get("annotations", {}) if key.startswith("helm.sh/hook")]


def test_an_overlay_changes_the_base(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "charts", tmp_path / "charts")
    (tmp_path / "overlay").mkdir()
    (tmp_path / "overlay/kustomization.yaml").write_text(OVERLAY)
    spec = objects(build(tmp_path / "overlay"))["Deployment", "fairlead-operator"]["spec"]
    assert spec["replicas"] == 2
    (container,) = spec["template"]["spec"]["containers"]
    assert container["image"].startswith("mirror.example/operator:")


@pytest.fixture
def system(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """The namespace of the base exists: a dry run creates none."""
    control_plane.kubectl("create", "namespace", "fairlead-system")
    yield control_plane
    control_plane.kubectl("delete", "namespace", "fairlead-system")


@pytest.mark.apiserver
def test_the_base_is_accepted_by_a_real_api_server(system: ControlPlane) -> None:
    text = build(ROOT / "charts")
    flags = ("--server-side", "--force-conflicts", "--dry-run=server")
    applied = system.kubectl("apply", *flags, "-f", "-", input=text)
    assert applied.count("serverside-applied (server dry run)") == len(objects(text))


def test_the_settings_of_argo_cd_have_the_health_script() -> None:
    settings = objects(build(SCRIPT.parent))["ConfigMap", "argocd-cm"]
    key = "resource.customizations.health.fairlead.dev_ModelDeployment"
    assert settings["data"] == {key: SCRIPT.read_text()}
