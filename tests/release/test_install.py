"""The ways to install the command line: the wheel by pip, uvx and uv, and the plugin of kubectl by krew."""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

from e2e.cluster import tools, venvs
from fairlead_contract.version import VERSION
from tests.release.support import ROOT, call, output, program

PACKAGES = (
    "operator/fairlead_operator",
    "serving-image/fairlead_contract",
    "serving-image/fairlead_gateway",
    "serving-image/fairlead_launcher",
    "serving-image/fairlead_weights",
)
MODEL = ROOT / "docs/examples/first-model.yaml"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the release uploads: the source, and the wheel that is built from that."""
    folder = tmp_path_factory.mktemp("dist")
    output(venvs.uv(), "build", "--quiet", "--out-dir", folder, ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    """The wheel of the release."""
    (found,) = dist.glob("*.whl")
    return found


def environment(folder: Path, *paths: Path) -> dict[str, str]:
    """A user's variables: nothing of the repository, uv's cache shared with the other tests."""
    cache = output(venvs.uv(), "cache", "dir").strip()
    path = os.pathsep.join([*map(str, paths), "/usr/bin", "/bin"])
    return {"PATH": path, "HOME": str(folder), "PYTHONPATH": "", "UV_CACHE_DIR": cache}


def test_the_wheel_has_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    tracked = output("git", "ls-files", "--cached", "--others", "--exclude-standard", *PACKAGES).split()
    expected = {name.partition("/")[2] for name in tracked if (ROOT / name).exists()}
    files = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert files == expected


def test_uvx_runs_the_wheel_without_an_installation(wheel: Path, tmp_path: Path) -> None:
    env = environment(tmp_path)
    run = (venvs.uv(), "tool", "run", "--quiet", "--python", venvs.INTERPRETER, "--from", wheel, "fairlead")
    assert output(*run, "--version", env=env, cwd=tmp_path) == f"{VERSION}\n"
    assert "kind: Deployment" in output(*run, "render", "-f", MODEL, env=env, cwd=tmp_path)
    assert output(*run, "validate", "-f", MODEL, env=env, cwd=tmp_path).endswith(": valid\n")
    assert "completion" in output(*run, "completion", "bash", env=env, cwd=tmp_path)
    assert "kind: CustomResourceDefinition" in output(*run, "crd", env=env, cwd=tmp_path)


def test_pip_installs_the_wheel_with_its_commands(wheel: Path, tmp_path: Path) -> None:
    """Without the dependencies, which the test above installs: they would take pip a minute."""
    venvs.create(tmp_path)
    python = tmp_path / "bin" / "python"
    output(venvs.uv(), "pip", "install", "--quiet", "--python", python, "pip")
    pip = (
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--disable-pip-version-check",
    )
    output(*pip, wheel, env=environment(tmp_path))
    assert {path.name for path in (tmp_path / "bin").iterdir()} >= {"fairlead", "kubectl-fairlead"}
    assert f"Version: {VERSION}\n" in output(
        python, "-m", "pip", "show", "fairlead", env=environment(tmp_path)
    )


def plugin_archive(folder: Path) -> Path:
    """The source at a tag, as GitHub packs it."""
    archive = folder / "v1.2.3.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        for name in ("operator/kubectl-fairlead", "LICENSE", "README.md"):
            packed.add(ROOT / name, arcname=f"fairlead-1.2.3/{name}")
    return archive


def plugin_manifest(archive: Path) -> Path:
    """.krew.yaml as krew-release-bot fills it in."""
    text = (ROOT / ".krew.yaml").read_text().replace("{{ .TagName }}", "v1.2.3")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    address = re.compile(r'\{\{addURIAndSha "([^"]+)" \.TagName \| indent 6 \}\}')
    manifest = archive.parent / "fairlead.yaml"
    manifest.write_text(address.sub(rf"uri: \1\n      sha256: {digest}", text))
    return manifest


def test_krew_installs_the_plugin_which_runs_the_package_of_its_version(wheel: Path, tmp_path: Path) -> None:
    archive = plugin_archive(tmp_path)
    root = tmp_path / "krew"
    install = ("install", f"--manifest={plugin_manifest(archive)}", f"--archive={archive}")
    output(program("krew"), *install, env={"KREW_ROOT": str(root)})
    uv = venvs.uv().parent
    env = environment(tmp_path, root / "bin", uv)
    # Instead of the package index, where this version is not yet.
    env |= {"UV_FIND_LINKS": str(wheel.parent), "UV_PYTHON": str(venvs.INTERPRETER)}
    kubectl = tools.ensure(["kubectl"])["kubectl"]
    done = call(kubectl, "fairlead", "validate", "-f", MODEL, env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout.endswith(": valid\n")) == (0, True), done.stderr


def test_krew_refuses_an_archive_of_another_digest(tmp_path: Path) -> None:
    archive = plugin_archive(tmp_path)
    manifest = plugin_manifest(archive)
    archive.write_bytes(archive.read_bytes() + b" ")
    install = ("install", f"--manifest={manifest}", f"--archive={archive}")
    done = call(program("krew"), *install, env={"KREW_ROOT": str(tmp_path / "krew")})
    assert done.returncode != 0
    assert "checksum does not match" in done.stderr
