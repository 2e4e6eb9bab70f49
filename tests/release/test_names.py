"""Where a release is published stands in several files: all name the same owner, repository and version."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from fairlead_operator.cli.offline import DEFAULT_IMAGES
from tests.release.support import ROOT, call

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REPOSITORY = PROJECT["urls"]["Repository"]
OWNER = REPOSITORY.removeprefix("https://github.com/").partition("/")[0]
VERSION = PROJECT["version"]


def read(path: str) -> str:
    """A file of the repository."""
    return (ROOT / path).read_text()


def test_the_chart_takes_its_images_from_the_owners_registry() -> None:
    values = yaml.safe_load(read("charts/fairlead/values.yaml"))
    for part in ("operator", "gateway"):
        assert values[part]["image"]["repository"] == f"ghcr.io/{OWNER}/{part}"


def test_the_release_pushes_to_the_owners_registry() -> None:
    variables = yaml.safe_load(read(".github/workflows/release.yml"))["env"]
    assert variables == {"IMAGES": f"ghcr.io/{OWNER}", "CHARTS": f"ghcr.io/{OWNER}/charts"}


def test_models_are_rendered_offline_with_the_image_of_the_release() -> None:
    assert DEFAULT_IMAGES["gateway_image"] == f"ghcr.io/{OWNER}/gateway:{VERSION}"


@pytest.mark.parametrize("chart", ["fairlead", "fairlead-crds"])
def test_the_charts_name_the_repository(chart: str) -> None:
    found = yaml.safe_load(read(f"charts/{chart}/Chart.yaml"))
    assert (found["home"], found["sources"]) == (REPOSITORY, [REPOSITORY])


def test_the_manifest_of_the_plugin_names_the_repository() -> None:
    text = read(".krew.yaml")
    assert f"homepage: {REPOSITORY}\n" in text
    assert f'"{REPOSITORY}/archive/refs/tags/{{{{ .TagName }}}}.tar.gz"' in text


def test_the_documentation_names_no_other_owner() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        named = set(re.findall(r"ghcr\.io/([\w-]*fairlead[\w-]*)", page.read_text()))
        assert named <= {OWNER}, page


def step(*words: str) -> tuple[int, str]:
    """Exit code and standard error of a step of the release."""
    done = call("python3", ROOT / ".github/release.py", *words)
    return done.returncode, done.stderr


def test_the_source_has_one_version() -> None:
    code, error = step("check", f"v{VERSION}")
    # All that may be open before a release is the changelog's heading.
    assert (code, error) == (0, "") or error.startswith("error: CHANGELOG.md has no section"), error


def test_a_tag_of_another_version_is_refused_and_names_the_places() -> None:
    code, error = step("check", "v99.0.0")
    assert code == 1
    for place in ("pyproject.toml", "charts/fairlead/Chart.yaml", "operator/kubectl-fairlead"):
        assert f"\n  {place}: {VERSION}\n" in error


@pytest.mark.parametrize("tag", ["1.2.3", "v1.2", "v1.2.3-rc.1"])
def test_only_plain_versions_are_released(tag: str) -> None:
    code, error = step("check", tag)
    assert code == 1
    assert "is not the tag of a release" in error


def test_a_digest_of_another_form_is_refused(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(read("charts/fairlead/values.yaml"))
    assert step("pin", str(values), "operator=")[0] == 1
    assert values.read_text() == read("charts/fairlead/values.yaml")
