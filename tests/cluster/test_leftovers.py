"""Which processes and mounts of a killed run are removed, and which belong to others."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from e2e.cluster.leftovers import is_engine_process, mounts_below
from e2e.cluster.processes import Process, recall, remember

RUN = Path("/home/me/.cache/fairlead/docker/run")


@pytest.mark.parametrize(
    ("command", "program"),
    [
        (f"/usr/sbin/dockerd --host=unix://{RUN}/docker.sock", "dockerd"),
        (f"/usr/bin/containerd-shim-runc-v2 -id 1f -address {RUN}/containerd.sock", "containerd-shim"),
        ("/usr/sbin/dockerd -H fd://", None),
        ("/usr/bin/containerd-shim-runc-v2 -address /run/containerd/containerd.sock", None),
        (f"vim {RUN}/notes", None),
        (f"/usr/sbin/dockerd --host=unix://{RUN}-of-another/docker.sock", None),
        ("", None),
    ],
)
def test_an_own_docker_process_is_recognized_by_program_and_folder(command: str, program: str | None) -> None:
    assert is_engine_process(command.split(), RUN) == program


def test_mounts_below_a_folder_are_found_innermost_first() -> None:
    table = (
        f"proc /proc proc rw 0 0\n"
        f"tmpfs {RUN}/netns tmpfs rw 0 0\n"
        f"nsfs {RUN}/netns/default nsfs rw 0 0\n"
        f"overlay {RUN}-of-another/x overlay rw 0 0\n"
        f"tmpfs {RUN}/with\\040blank tmpfs rw 0 0\n"
    )

    assert mounts_below(table, [RUN]) == [f"{RUN}/netns/default", f"{RUN}/with blank", f"{RUN}/netns"]


@pytest.fixture
def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])


def test_a_recorded_process_is_stopped(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    record = Process.of(sleeper.pid, "sleeper")
    assert record is not None
    remember(record, tmp_path / "record.json")

    read = recall(tmp_path / "record.json")
    assert read is not None
    read.stop()

    assert sleeper.wait(timeout=30) != 0


def test_a_process_that_only_has_the_recorded_pid_is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    record = Process.of(sleeper.pid, "sleeper")
    assert record is not None
    earlier = replace(record, start=record.start - 1)

    earlier.stop()

    assert not earlier.alive()
    assert sleeper.poll() is None
    sleeper.kill()
    sleeper.wait()


def test_an_unreadable_process_record_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "half.json").write_text('{"pid": 1')

    assert recall(tmp_path / "half.json") is None
    assert recall(tmp_path / "missing.json") is None
