"""The launcher as the one file that a pod gets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from fairlead_operator.render.worker import WRITE_LAUNCHER
from tests.support.engine import SERVING_IMAGE, install_launcher


def run(*command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(SERVING_IMAGE)}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_it_runs_under_a_python_that_has_nothing_but_the_standard_library(tmp_path: Path) -> None:
    archive = install_launcher(tmp_path)
    done = run("-I", "-S", str(archive), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Starts vLLM" in done.stdout


def test_the_same_sources_give_the_same_file(tmp_path: Path) -> None:
    first = install_launcher(tmp_path).read_bytes()
    assert install_launcher(tmp_path).read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["launcher.pyz"]


def test_the_command_of_a_workers_init_container_writes_the_file_of_the_gateway(tmp_path: Path) -> None:
    done = run(*WRITE_LAUNCHER[1:], str(tmp_path / "worker.pyz"))
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "worker.pyz").read_bytes() == install_launcher(tmp_path).read_bytes()


def test_it_runs_from_the_installed_package(tmp_path: Path) -> None:
    assert "Starts vLLM" in run("-m", "fairlead_launcher", "--help", folder=tmp_path).stdout
