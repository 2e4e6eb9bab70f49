"""What a user installs from a registry: the chart of a release, by `helm install oci://...` alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from e2e.cluster import tools
from fairlead_contract.version import VERSION
from tests.release.registry import PLATFORMS, Registry, serve
from tests.release.support import ROOT, output
from tests.support.control_plane import ControlPlane

NAMES = ("fairlead-dev/operator", "fairlead-dev/gateway")


@dataclass(frozen=True)
class Release:
    """What the workflow publishes, in a registry here; `digests` are those of the images by part."""

    registry: Registry
    digests: dict[str, str]

    @property
    def chart(self) -> str:
        """The address of the chart."""
        return f"oci://{self.registry.address}/fairlead-dev/charts/fairlead"

    def helm(self, *arguments: str) -> str:
        """Runs helm on the published chart, without values."""
        return output(tools.ensure(["helm"])["helm"], *arguments, "--plain-http", "--version", VERSION)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """The steps of the workflow, with images that have only a file."""
    folder = tmp_path_factory.mktemp("release")
    with serve(folder) as registry:
        digests = {name.rpartition("/")[2]: registry.push_image(name, VERSION) for name in NAMES}
        shutil.copytree(ROOT / "charts", folder / "charts")
        parts = [f"{part}={digest}" for part, digest in digests.items()]
        output("python3", ROOT / ".github/release.py", "pin", folder / "charts/fairlead/values.yaml", *parts)
        helm = tools.ensure(["helm"])["helm"]
        for chart in ("fairlead", "fairlead-crds"):
            output(helm, "package", "--destination", folder, folder / "charts" / chart)
            package = folder / f"{chart}-{VERSION}.tgz"
            output(helm, "push", "--plain-http", package, f"oci://{registry.address}/fairlead-dev/charts")
        yield Release(registry, digests)


def images(objects: list[dict[str, Any]]) -> set[str]:
    """The images of the chart's own pods, and the gateway's of models' pods."""
    pods = [item["spec"]["template"]["spec"] for item in objects if item["kind"] == "Deployment"]
    containers = [container for pod in pods for container in pod["containers"]]
    variables = [item for container in containers for item in container.get("env", ())]
    return {container["image"] for container in containers} | {
        item["value"] for item in variables if item["name"] == "FAIRLEAD_GATEWAY_IMAGE"
    }


def test_the_released_chart_names_its_images_by_digest(release: Release) -> None:
    objects = [
        item for item in yaml.safe_load_all(release.helm("template", "fairlead", release.chart)) if item
    ]
    assert images(objects) == {
        f"ghcr.io/fairlead-dev/{part}:{VERSION}@{digest}" for part, digest in release.digests.items()
    }


def test_the_images_are_in_the_registry_for_both_platforms_under_these_digests(release: Release) -> None:
    mirror = ("--set", f"global.imageRegistry={release.registry.address}")
    text = release.helm("template", "fairlead", release.chart, *mirror)
    found = images([item for item in yaml.safe_load_all(text) if item])
    assert len(found) == len(NAMES)
    for image in found:
        assert all(release.registry.has(image, platform) for platform in PLATFORMS), image
        assert not release.registry.has(image, "linux/s390x")


def test_a_tag_of_the_user_takes_the_place_of_tag_and_digest(release: Release) -> None:
    text = release.helm("template", "fairlead", release.chart, "--set", "operator.image.tag=mine")
    found = images([item for item in yaml.safe_load_all(text) if item])
    assert "ghcr.io/fairlead-dev/operator:mine" in found


@pytest.mark.apiserver
def test_the_published_chart_can_be_installed_without_values(
    release: Release, control_plane: ControlPlane, namespace: str
) -> None:
    """The test's cluster has the CRD already, from another source; helm takes it over in a dry run."""
    cluster = ("--kubeconfig", str(control_plane.kubeconfig), "--namespace", namespace)
    text = release.helm(
        "install", "fairlead", release.chart, *cluster, "--dry-run=server", "--take-ownership"
    )
    manifest = text.partition("\nMANIFEST:\n")[2].partition("\nNOTES:\n")[0]
    applied = control_plane.kubectl(
        "apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-", input=manifest
    )
    assert "deployment.apps/fairlead-operator serverside-applied (server dry run)" in applied
    assert "customresourcedefinition.apiextensions.k8s.io/modeldeployments.fairlead.dev" in applied


@pytest.mark.apiserver
def test_the_published_chart_of_the_crd_can_be_applied(release: Release, control_plane: ControlPlane) -> None:
    text = release.helm("template", "crds", f"{release.chart}-crds")
    applied = control_plane.kubectl(
        "apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-", input=text
    )
    assert applied.count("serverside-applied") == 1
