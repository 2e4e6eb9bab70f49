"""`make demo`: the first answer, where it ends, and what it leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from e2e import demo, dev, first_answer
from e2e.cluster import engine, paths
from e2e.cluster.processes import Process, remember
from e2e.world import CommandError
from fairlead_operator.settings import Settings
from tests.chart.support import Render, named


@pytest.fixture
def no_stages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stages that ran, without their work."""
    ran: list[str] = []
    monkeypatch.setattr(demo, "_first_stage", lambda _: ran.append("here"))
    monkeypatch.setattr(demo, "_second_stage", lambda _: ran.append("cluster"))
    return ran


@pytest.mark.engine
def test_a_model_answers_on_this_machine_and_nothing_stays_behind() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "e2e.demo", "up"],
        cwd=paths.ROOT,
        env={**os.environ, "CLUSTER": "no"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert "Question  What is the capital of France?" in done.stdout
    answer = next(line for line in done.stdout.splitlines() if "Answer" in line)
    assert "Paris" in answer
    assert ".venv/bin/fairlead run --demo" in done.stdout
    assert not demo._RUN_RECORD.exists()


def test_without_privileges_for_a_cluster_the_demo_says_so_and_ends_well(
    no_stages: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CLUSTER", raising=False)
    monkeypatch.setattr(engine, "obstacle", lambda: "no Docker engine answers")

    assert demo.main(["up"]) == 0

    assert no_stages == ["here"]
    assert "There is no second stage, on a cluster: no Docker engine answers" in capsys.readouterr().out


def test_the_build_of_the_programs_leaves_the_processors_to_the_first_answer() -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as build:
        try:
            demo._set_niceness(build.pid, 19)

            assert os.getpriority(os.PRIO_PROCESS, build.pid) == 19
            among_sessions = Path(f"/proc/{build.pid}/autogroup")
            assert not among_sessions.exists() or among_sessions.read_text().split()[-1] == "19"
        finally:
            build.kill()


def test_the_second_stage_can_be_declined(
    no_stages: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLUSTER", "no")

    assert demo.main(["up"]) == 0

    assert no_stages == ["here"]
    assert "no second stage" not in capsys.readouterr().out


def test_a_user_without_docker_cannot_have_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docker").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert "Start Docker" in engine.obstacle()


def test_root_without_the_capability_to_mount_cannot_have_a_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docker").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(engine, "_capability", lambda which, number: False)

    assert "Start Docker" in engine.obstacle()


def test_a_model_that_cannot_run_ends_the_demo_with_its_exit_code(tmp_path: Path) -> None:
    served = first_answer.served(["-f", str(tmp_path / "absent.yaml")], tmp_path / "run.json")

    with pytest.raises(CommandError, match="fairlead run ended with 2 before the model was ready"), served:
        pass

    assert not (tmp_path / "run.json").exists()


def test_what_a_killed_demo_has_left_is_ended(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "300"]) as left:
        process = Process.of(left.pid, "sleep")
        assert process is not None
        remember(process, tmp_path / "run.json")

        first_answer.end_left_over(tmp_path / "run.json")

        assert left.wait(timeout=10) != 0
    assert not (tmp_path / "run.json").exists()


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTER", "no")
    monkeypatch.setenv("MODEL_DIR", str(tmp_path))

    with pytest.raises(SystemExit, match=rf"MODEL_DIR={tmp_path}: no config\.json there"):
        demo.main(["up"])


@pytest.mark.parametrize(
    ("folder", "name"), [("Qwen3-0.6B", "qwen3-0-6b"), ("7b", "m-7b"), ("a" * 60, "a" * 40), ("été", "t")]
)
def test_a_folders_name_becomes_an_object_name(folder: str, name: str) -> None:
    assert demo._object_name(folder) == name


def test_an_operator_of_the_working_tree_has_the_settings_of_the_clusters(
    render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = named(render("watch.namespaces={a,b}"), "Deployment", "fairlead-operator")

    for name, value in dev.operator_environment(deployment).items():
        monkeypatch.setenv(name, value)
    settings = Settings()

    assert settings.watch_namespaces == "a,b"
    assert settings.pod_namespace == "fairlead-system"
    assert settings.lease_name == "fairlead-operator"
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert {item["name"] for item in container["env"]} - set(dev.operator_environment(deployment)) == {
        "FAIRLEAD_POD_NAME"
    }
