"""Python environments: uv, and the project's own from its lock."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from e2e.cluster import paths, venvs
from e2e.cluster.shell import ClusterError, run
from fairlead_operator.local.uv import REQUIREMENTS

PROJECT = '[project]\nname = "empty"\nversion = "1"\nrequires-python = ">=3.11"\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project without dependencies, with its lock."""
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    run([venvs.uv(), "lock", "--quiet", "--offline"], cwd=tmp_path)
    return tmp_path


def test_the_scripts_start_before_there_is_an_environment() -> None:
    # -S: what is installed for this Python stays out, as in a fresh clone.
    usage = run([sys.executable, "-S", "-m", "e2e.cluster", "--help"], cwd=paths.ROOT)

    assert "venv" in usage


def test_a_project_environment_is_created_and_marked_as_current(project: Path) -> None:
    venvs.project(project)

    assert (project / ".venv" / "bin" / "python").exists()
    assert (project / ".venv" / ".locked").stat().st_mtime >= (project / "uv.lock").stat().st_mtime


def test_a_complete_environment_is_kept(project: Path) -> None:
    venvs.project(project)
    (project / ".venv" / "mine").touch()

    venvs.project(project)

    assert (project / ".venv" / "mine").exists()


@pytest.mark.parametrize("left", [".unfinished", "bin/python"])
def test_an_environment_of_a_killed_run_is_created_from_scratch(project: Path, left: str) -> None:
    if left == ".unfinished":
        venvs.project(project)
    (project / ".venv" / left).parent.mkdir(parents=True, exist_ok=True)
    (project / ".venv" / left).touch()
    (project / ".venv" / "half a package").touch()

    venvs.project(project)

    run([project / ".venv" / "bin" / "python", "-c", "pass"])
    assert not (project / ".venv" / "half a package").exists()
    assert not (project / ".venv" / ".unfinished").exists()


def test_an_unreachable_index_is_reported_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    # Other sources that this machine may be set to.
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    for variable in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(variable, raising=False)

    with pytest.raises(ClusterError, match=r"(?s)uv.requirements.txt` ended with 1:.*PIP_INDEX_URL"):
        venvs.uv()

    assert list(tmp_path.iterdir()) == []


def test_all_images_install_the_uv_of_the_one_lock() -> None:
    recipes = [*paths.ROOT.glob("operator/*Dockerfile"), *paths.ROOT.glob("serving-image/*Dockerfile")]
    locked = REQUIREMENTS.relative_to(paths.ROOT).as_posix()

    for recipe in recipes:
        assert locked in recipe.read_text(), recipe
        assert not re.search(r"uv *==", recipe.read_text()), recipe
