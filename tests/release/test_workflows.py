"""The workflows of GitHub: linted, with the least permissions, and every action pinned by its commit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.release.support import ROOT, WORKFLOWS, call, program

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def workflow(path: Path) -> dict[str, Any]:
    """A workflow as data."""
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


@each_workflow
def test_the_linter_finds_nothing(path: Path) -> None:
    # Not every machine has shellcheck; the result must not depend on it.
    done = call(program("actionlint"), "-shellcheck=", path)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_linter_finds_a_fault(tmp_path: Path) -> None:
    text = (ROOT / ".github/workflows/docs.yml").read_text().replace("runs-on:", "run-on:")
    (tmp_path / "docs.yml").write_text(text)
    done = call(program("actionlint"), "-shellcheck=", tmp_path / "docs.yml")
    assert done.returncode == 1
    assert '"runs-on" section is missing' in done.stdout


@each_workflow
def test_every_action_is_pinned_by_its_commit_and_names_its_version(path: Path) -> None:
    uses = re.findall(r"^.*\buses: (.*)$", path.read_text(), re.MULTILINE)
    assert uses
    for action in uses:
        assert action.startswith("./") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), (
            action
        )


@each_workflow
def test_permissions_of_a_workflow_are_to_read_unless_a_job_has_its_own(path: Path) -> None:
    assert workflow(path)["permissions"] in ({}, {"contents": "read"})


@each_workflow
def test_every_job_has_a_time_limit(path: Path) -> None:
    for name, job in workflow(path)["jobs"].items():
        assert "uses" in job or job["timeout-minutes"] <= 120, name


@each_workflow
def test_scripts_do_not_contain_expressions(path: Path) -> None:
    """An expression is replaced before the shell reads the script: its value would be code."""
    for job in workflow(path)["jobs"].values():
        for step in job.get("steps", ()):
            assert "${{" not in step.get("run", "")


@each_workflow
def test_the_scripts_are_valid_bash(path: Path) -> None:
    for job in workflow(path)["jobs"].values():
        for step in job.get("steps", ()):
            done = call("bash", "-n", "-c", step.get("run", "true"))
            assert (done.returncode, done.stderr) == (0, "")


@each_workflow
def test_make_targets_and_files_of_the_scripts_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    scripts = [
        step.get("run", "") for job in workflow(path)["jobs"].values() for step in job.get("steps", ())
    ]
    for script in scripts:
        for line in re.findall(r"^make (.*)$", script, re.MULTILINE):
            assert {word for word in line.split() if not word.startswith("-")} <= targets
        for file in re.findall(r"(?<![\w/])(?:\.github|operator|charts|crds)/[\w./-]+", script):
            assert (ROOT / file).exists(), file


def test_nothing_is_published_before_the_tests_have_passed() -> None:
    jobs = workflow(ROOT / ".github/workflows/release.yml")["jobs"]

    def before(name: str) -> set[str]:
        needed = jobs[name].get("needs", [])
        needed = {needed} if isinstance(needed, str) else set(needed)
        return needed.union(*(before(other) for other in needed)) if needed else set()

    publishing = {name for name, job in jobs.items() if "write" in job.get("permissions", {}).values()}
    assert publishing == {"images", "charts", "pypi", "github"}
    for name in publishing | {"krew"}:
        assert {"check", "test", "e2e"} <= before(name), name


def test_images_are_built_for_both_platforms_with_sbom_and_provenance() -> None:
    job = workflow(ROOT / ".github/workflows/release.yml")["jobs"]["images"]
    (build,) = (
        step["with"] for step in job["steps"] if step.get("uses", "").startswith("docker/build-push-action")
    )
    assert build["platforms"] == "linux/amd64,linux/arm64"
    assert (build["sbom"], build["provenance"], build["push"]) == (True, "mode=max", True)
    images = {item["image"]: item["dockerfile"] for item in job["strategy"]["matrix"]["include"]}
    assert set(images) == {"operator", "gateway"} == set(job["outputs"])
    for dockerfile in images.values():
        assert re.search(r"^ARG BASE_IMAGE=\S+$", (ROOT / dockerfile).read_text(), re.MULTILINE)


def test_dependabot_knows_every_go_module() -> None:
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    (modules,) = (update["directories"] for update in updates if update["package-ecosystem"] == "gomod")
    found = {path.parent for part in ("e2e", "tests") for path in (ROOT / part).rglob("go.mod")}
    assert set(modules) == {f"/{path.relative_to(ROOT).as_posix()}" for path in found}
