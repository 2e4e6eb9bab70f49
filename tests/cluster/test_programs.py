"""Programs of one Go package are one file under several names: where they are kept, and in the node image."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from e2e.cluster import nodeimage, paths, tools, versions

KUBERNETES = ["kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler"]


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The paths of all programs, each a script that says under which name it was started."""
    monkeypatch.setattr(paths, "tools_dir", lambda: tmp_path / "tools")
    draft = tmp_path / "draft"
    draft.mkdir()
    for package in {program.package for program in versions.PROGRAMS.values()}:
        output = draft / tools._output_name(package)
        output.write_text("#!/bin/sh\nbasename $0\n")
        output.chmod(0o755)
        tools._keep(draft, package)
    return {name: tools.built_path(name) for name in versions.PROGRAMS}


def test_each_program_starts_under_its_own_name(built: dict[str, Path]) -> None:
    said = {name: subprocess.check_output([path], text=True).strip() for name, path in built.items()}

    assert said == {name: name for name in versions.PROGRAMS}


def test_names_without_their_file_count_as_not_built(built: dict[str, Path]) -> None:
    # A build that was killed between the two leaves this.
    built["kubelet"].resolve().unlink()

    assert tools._found(["kubelet", "kubectl", "helm"], ours=True).keys() == {"helm"}


def test_programs_of_one_file_are_one_image(built: dict[str, Path], tmp_path: Path) -> None:
    files = nodeimage._by_file(built)

    names = next(names for names in files.values() if "kube-proxy" in names)
    nodeimage._component_context(tmp_path / "image", {name: built[name] for name in names}, "proxy-packages")

    assert sorted(names) == KUBERNETES
    assert len(files) == len(nodeimage.CONTROL_PLANE) - len(KUBERNETES) + 1
    assert {file.name for file in (tmp_path / "image" / "bin").iterdir() if not file.is_symlink()} == {
        "kubernetes"
    }
    assert {os.readlink(tmp_path / "image" / "bin" / name) for name in names} == {"kubernetes"}
    assert (tmp_path / "image" / "Dockerfile").read_text().startswith("FROM proxy-packages\n")


def test_an_image_of_one_program_has_that_file_only(built: dict[str, Path], tmp_path: Path) -> None:
    nodeimage._component_context(tmp_path, {"coredns": built["coredns"]}, "proxy-packages")

    assert [file.name for file in (tmp_path / "bin").iterdir()] == ["coredns"]
    recipe = (tmp_path / "Dockerfile").read_text().splitlines()
    assert recipe[0] == "FROM scratch"
    assert recipe[-1] == 'ENTRYPOINT ["/usr/local/bin/coredns"]'
