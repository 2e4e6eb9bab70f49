"""Continuous integration starts from an empty cache, leaves none behind, and its exit code is honest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.gateway.process import wait_for

ROOT = Path(__file__).resolve().parents[1]

# Notes what it is called for, and what the cache has; ends with the code in FAIL_OF_TEST or FAIL_OF_E2E.
MAKE = """#!/usr/bin/env bash
for target in "$@"; do [[ $target = --* ]] || break; done
echo "$target $FAIRLEAD_CACHE $(ls "$FAIRLEAD_CACHE" | tr '\\n' ' ')" >> "$NOTES"
[ -z "${HANG:-}" ] || sleep 300
echo made >> "$FAIRLEAD_CACHE/tools/$target"
mkdir -p "$UV_CACHE_DIR" "$PIP_CACHE_DIR" "$npm_config_cache" && touch "$FAIRLEAD_CACHE/venv"
code=FAIL_OF_${target^^}
exit "${!code:-0}"
"""


class Machine:
    """A clone, and a home with an ordinary cache that has everything."""

    def __init__(self, folder: Path) -> None:
        self.caches = folder / "caches"
        self.ordinary = self.caches / "fairlead"
        (self.ordinary / "tools" / "kubelet-1").mkdir(parents=True)
        (self.ordinary / "vllm").mkdir()
        self._notes = folder / "notes"
        clone = folder / "clone"
        (clone / ".ci").mkdir(parents=True)
        self._script = clone / ".ci" / "run"
        self._script.write_bytes((ROOT / ".ci" / "run").read_bytes())
        (clone / "e2e").symlink_to(ROOT / "e2e")
        programs = folder / "bin"
        programs.mkdir()
        (programs / "make").write_text(MAKE)
        (programs / "make").chmod(0o755)
        path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
        kept = {name: value for name, value in os.environ.items() if not name.endswith("_CACHE_DIR")}
        self._environment = kept | {
            "PATH": path,
            "FAIRLEAD_CACHE": str(self.ordinary),
            "NOTES": str(self._notes),
        }

    def start(self, **variables: str) -> subprocess.Popen[str]:
        """Starts .ci/run in a process group of its own."""
        return subprocess.Popen(
            ["bash", str(self._script)],
            env=self._environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """During the body a run of .ci/run is in the middle of its first make; then it is killed."""
        before = len(self.notes())
        with self.start(HANG="1") as process:
            try:
                wait_for(lambda: len(self.notes()) > before)
                yield
            finally:
                os.killpg(process.pid, signal.SIGKILL)

    def run(self, **variables: str) -> int:
        """Runs .ci/run to its end; its exit code."""
        with self.start(**variables) as process:
            process.communicate(timeout=60)
        return process.returncode

    def notes(self) -> list[list[str]]:
        """Of each make: its target, the cache, and what was in the cache."""
        return [line.split() for line in self._notes.read_text().splitlines()] if self._notes.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_ci_run_starts_with_a_cache_of_only_the_compiled_programs(machine: Machine) -> None:
    assert machine.run() == 0

    tests, cases = machine.notes()
    assert (tests[0], tests[2:]) == ("test", ["tools"])
    assert cases[:2] == ["e2e", tests[1]]
    assert Path(tests[1]) != machine.ordinary


def test_programs_compiled_by_a_ci_run_are_kept_for_the_next(machine: Machine) -> None:
    machine.run()

    assert sorted(path.name for path in (machine.ordinary / "tools").iterdir()) == [
        "e2e",
        "kubelet-1",
        "test",
    ]


def test_a_ci_run_leaves_the_ordinary_cache_unchanged_and_no_other_files(machine: Machine) -> None:
    machine.run()

    assert [path.name for path in machine.caches.iterdir()] == ["fairlead"]
    assert sorted(path.name for path in machine.ordinary.iterdir()) == ["tools", "vllm"]


@pytest.mark.parametrize("failing", [{"FAIL_OF_TEST": "2"}, {"FAIL_OF_E2E": "2"}])
def test_both_ci_parts_run_and_a_failure_of_either_fails_the_run(
    machine: Machine, failing: dict[str, str]
) -> None:
    assert machine.run(**failing) != 0

    assert [note[0] for note in machine.notes()] == ["test", "e2e"]
    assert [path.name for path in machine.caches.iterdir()] == ["fairlead"]


def test_leftovers_of_a_killed_ci_run_are_removed_by_the_next(machine: Machine) -> None:
    with machine.hanging():
        pass
    assert len(list(machine.caches.iterdir())) == 2

    machine.run()

    assert [path.name for path in machine.caches.iterdir()] == ["fairlead"]


def test_a_concurrent_ci_run_is_left_alone(machine: Machine) -> None:
    with machine.hanging():
        assert machine.run() == 0

        assert Path(machine.notes()[0][1]).is_dir()
