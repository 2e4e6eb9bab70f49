"""The table of versions: one source for each, and who may stand in for a program built here."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from e2e.cluster import versions


def test_every_program_has_a_pinned_version() -> None:
    assert all(versions.parse(versions.version_of(name)) for name in versions.PROGRAMS)


def test_every_package_built_from_a_module_is_kept_by_go_mod_tidy() -> None:
    pins = (versions.GO_MODULE / "pins.go").read_text()

    packages = {program.package for program in versions.PROGRAMS.values() if program.module}

    foreign = {package for package in packages if not package.startswith("./")}
    assert {package for package in foreign if f'"{package}"' not in pins} == set()
    assert all((versions.GO_MODULE / package / "main.go").is_file() for package in packages - foreign)


def test_a_change_to_one_program_does_not_build_another_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = shutil.copytree(versions.GO_MODULE, tmp_path / "gomod")
    monkeypatch.setattr(versions, "GO_MODULE", module)
    # Without the cache around it.
    build_hash = versions.build_hash.__wrapped__
    before = {name: build_hash(name) for name in versions.PROGRAMS}

    (module / "coredns" / "main.go").write_text("package main\n")

    changed = {name for name in versions.PROGRAMS if build_hash(name) != before[name]}
    assert changed == {"coredns"}


def test_all_kubernetes_libraries_are_of_one_version() -> None:
    text = (versions.GO_MODULE / "go.mod").read_text()
    major, minor, patch = versions.kubernetes().split(".")

    replaced = [line.split()[-1] for line in text.splitlines() if "=> k8s.io/" in line]

    assert major == "1"
    assert set(replaced) == {f"v0.{minor}.{patch}"}


def test_the_dra_driver_builds_with_the_module_versions_of_the_programs() -> None:
    def required(folder: Path) -> dict[str, str]:
        text = (folder / "go.mod").read_text()
        return dict(re.findall(r"^\s(\S+) (v\S+)(?: // indirect)?$", text, re.MULTILINE))

    programs, driver = required(versions.GO_MODULE), required(versions.AGENT_MODULES["dra-driver"])

    # v0.0.0 stands for a part of Kubernetes, whose version a `replace` gives.
    shared = {module for module in driver if programs.get(module, "v0.0.0") != "v0.0.0"}
    assert {module: driver[module] for module in shared} == {module: programs[module] for module in shared}
    libraries = {
        v
        for module, v in versions.pins(versions.AGENT_MODULES["dra-driver"]).items()
        if module.startswith("k8s.io/")
    }
    assert libraries == {f"v0.{versions.kubernetes().partition('.')[2]}"}


def test_a_crd_is_pinned_by_version_and_content() -> None:
    sums = (versions.CRD_MODULE / "go.sum").read_text().splitlines()

    pinned = {f"{module} {version}" for module, version in versions.pins(versions.CRD_MODULE).items()}

    assert pinned
    assert pinned <= {line.rpartition(" ")[0] for line in sums}


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("Client Version: v1.34.4\nKustomize Version: v5.7.1", (1, 34, 4)),
        ("v3.19.5+g1234567", (3, 19, 5)),
        ("kind v0.33.0 go1.26.8 linux/amd64", (0, 33, 0)),
        ("Client Version: v1.32.4-dispatcher", (1, 32, 4)),
        ("no version here", None),
    ],
)
def test_versions_are_read_from_the_output_of_programs(answer: str, version: tuple[int, ...] | None) -> None:
    assert versions.parse(answer) == version


@pytest.mark.parametrize(
    ("name", "version", "accepted"),
    [
        ("kubectl", (1, 34, 0), True),
        ("kubectl", (1, 33, 9), True),
        ("kubectl", (1, 32, 4), False),
        ("kubectl", (1, 39, 0), False),
        ("helm", (3, 19, 5), True),
        ("helm", (4, 0, 0), False),
        ("kind", (0, 29, 0), False),
        ("kubectl", None, False),
        ("etcd", (3, 6, 5), False),
    ],
)
def test_an_installed_program_is_used_only_in_a_compatible_version(
    name: str, version: tuple[int, ...] | None, accepted: bool
) -> None:
    assert versions.accepts(name, version) is accepted
