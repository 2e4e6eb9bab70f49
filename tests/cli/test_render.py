"""What `fairlead render` prints: the operator's objects, as kubectl takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fairlead_operator.cli.offline import DEFAULT_IMAGES
from tests.cli.conftest import Run, Write
from tests.cli.test_validate import GOOD
from tests.kube.support import ControlPlane

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.yaml"))


def objects(text: str) -> dict[str, Any]:
    return {item["kind"]: item for item in yaml.safe_load_all(text)}


def test_render_prints_the_operators_objects_without_owner_references(fairlead: Run, write: Write) -> None:
    code, out, err = fairlead("render", "-f", write(GOOD))
    assert (code, err) == (0, "")
    found = objects(out)
    assert list(found) == ["ServiceAccount", "ConfigMap", "Service", "NetworkPolicy", "Deployment"]
    assert all("ownerReferences" not in item["metadata"] for item in found.values())
    assert {item["metadata"]["namespace"] for item in found.values()} == {"default"}


def test_render_fills_in_the_defaults_of_the_crd(fairlead: Run, write: Write) -> None:
    _, out, _ = fairlead("render", "-f", write(GOOD))
    assert objects(out)["Deployment"]["spec"]["progressDeadlineSeconds"] == 3600


def test_render_takes_images_and_namespace_as_options(fairlead: Run, write: Write) -> None:
    _, out, _ = fairlead(
        "render", "-f", write(GOOD), "-n", "team-a", "--gateway-image", "g:1", "--engine-image", "e:1"
    )
    deployment = objects(out)["Deployment"]
    spec = deployment["spec"]["template"]["spec"]
    assert deployment["metadata"]["namespace"] == "team-a"
    assert spec["initContainers"][0]["image"] == "g:1"
    assert spec["containers"][0]["image"] == "e:1"


def test_render_reads_the_operators_environment_and_options_override_it(
    fairlead: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_GATEWAY_IMAGE", "environment:1")
    monkeypatch.setenv("FAIRLEAD_ENGINE_IMAGE", "environment:2")
    _, out, _ = fairlead("render", "-f", write(GOOD), "--engine-image", "option:1")
    spec = objects(out)["Deployment"]["spec"]["template"]["spec"]
    assert (spec["initContainers"][0]["image"], spec["containers"][0]["image"]) == (
        "environment:1",
        "option:1",
    )


def test_the_default_images_of_render_are_the_charts() -> None:
    values = yaml.safe_load((ROOT / "charts" / "fairlead" / "values.yaml").read_text())
    chart = yaml.safe_load((ROOT / "charts" / "fairlead" / "Chart.yaml").read_text())
    assert {
        "gateway_image": f"{values['gateway']['image']['repository']}:{chart['appVersion']}",
        "engine_image": values["engine"]["image"],
    } == DEFAULT_IMAGES


def test_render_can_omit_the_network_policy(fairlead: Run, write: Write) -> None:
    _, out, _ = fairlead("render", "-f", write(GOOD), "--no-network-policy")
    assert "NetworkPolicy" not in objects(out)


def test_an_invalid_model_is_not_rendered(fairlead: Run, write: Write) -> None:
    code, out, err = fairlead("render", "-f", write(GOOD + "  replica: 2\n"))
    assert (code, out) == (1, "")
    assert "spec.replica: Unknown field" in err


def test_an_invalid_setting_is_refused_by_name(fairlead: Run, write: Write) -> None:
    code, _, err = fairlead("render", "-f", write(GOOD), "--image-pull-policy", "Sometimes")
    assert code == 2
    assert err.startswith("setting image_pull_policy: Input should be 'Always'")


@pytest.mark.apiserver
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_kubectl_applies_the_rendered_objects(
    example: Path,
    fairlead: Run,
    control_plane: ControlPlane,
    namespace: str,
    request: pytest.FixtureRequest,
) -> None:
    code, out, _ = fairlead("render", "-f", str(example), "-n", namespace)
    assert code == 0
    workload = "deployment.apps/"
    if "kind: LeaderWorkerSet" in out:
        request.getfixturevalue("lws_crd")
        workload = "leaderworkerset.leaderworkerset.x-k8s.io/"
    printed = control_plane.kubectl("apply", "--validate=strict", "-f", "-", input=out)
    assert workload in printed
