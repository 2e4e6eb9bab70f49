"""What is made once: by one caller at a time, and complete or not there, whatever befell earlier callers."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from e2e.cluster import once
from e2e.cluster.paths import ROOT
from e2e.cluster.shell import ClusterError, run
from tests.gateway.process import wait_for

# Makes the folder argv[1]: says so in argv[1].makers, and is done when argv[1].release is there.
MAKER = """
import sys, time
from pathlib import Path
from e2e.cluster import once

target = Path(sys.argv[1])

def make(folder):
    (folder / "half").touch()
    with Path(f"{target}.makers").open("a") as makers:
        makers.write("a process\\n")
    while not Path(f"{target}.release").exists():
        time.sleep(0.02)
    (folder / "whole").touch()

print(once.folder(target, make))
"""


class Maker:
    """A process that makes `target`."""

    def __init__(self, target: Path) -> None:
        self._target = target
        command = [sys.executable, "-c", MAKER, str(target)]
        self._log = Path(f"{target}.{uuid.uuid4()}.log")
        with self._log.open("w") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)

    def wait_until_half_made(self) -> None:
        """Returns when the process has begun to make the folder."""
        wait_for(lambda: makers(self._target) > 0)

    def wait_until_it_waits(self) -> None:
        """Returns when the process waits for another one."""
        wait_for(lambda: "waiting for another run" in self._log.read_text())

    def kill(self) -> None:
        """Ends the process as the kernel does when memory is short."""
        with self._process:
            self._process.kill()

    def result(self) -> str:
        """What once.folder() returned to the process."""
        return self._process.communicate(timeout=60)[0].strip()


def makers(target: Path) -> int:
    """How many processes began to make the folder."""
    file = Path(f"{target}.makers")
    return len(file.read_text().splitlines()) if file.exists() else 0


def release(target: Path) -> None:
    """Lets the processes that make the folder end."""
    Path(f"{target}.release").touch()


@pytest.fixture
def start() -> Iterator[Callable[[Path], Maker]]:
    """Starts makers; those that still run at the end are killed."""
    started: list[Maker] = []

    def one(target: Path) -> Maker:
        started.append(Maker(target))
        return started[-1]

    yield one
    for maker in started:
        maker.kill()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


def test_two_concurrent_processes_create_a_folder_once(
    tmp_path: Path, start: Callable[[Path], Maker]
) -> None:
    target = tmp_path / "engine"

    first = start(target)
    first.wait_until_half_made()
    second = start(target)
    second.wait_until_it_waits()
    assert not target.exists()
    release(target)

    assert [first.result(), second.result()] == [str(target), str(target)]
    assert makers(target) == 1
    assert sorted(file.name for file in target.iterdir()) == ["half", "whole"]


def test_concurrent_threads_create_a_folder_once(cache: Path) -> None:
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "whole").touch()

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: once.folder(cache / "engine", make), range(8)))

    assert got == [cache / "engine"] * 8
    assert len(made) == 1


def test_a_killed_creator_is_replaced_by_the_next_and_leaves_nothing(
    cache: Path, start: Callable[[Path], Maker]
) -> None:
    target = cache / "engine"
    killed = start(target)
    killed.wait_until_half_made()
    killed.kill()

    once.folder(target, lambda folder: (folder / "whole").touch())

    assert [file.name for file in target.iterdir()] == ["whole"]
    assert not [path for path in cache.iterdir() if path.name.startswith(".")]


def test_leftovers_of_a_killed_creator_are_removed_by_the_next_creation(
    cache: Path, start: Callable[[Path], Maker]
) -> None:
    killed = start(cache / "engine-of-last-week")
    killed.wait_until_half_made()
    killed.kill()

    once.folder(cache / "engine", lambda folder: (folder / "whole").touch())

    assert not [path for path in cache.iterdir() if path.name.startswith(".")]


def test_leftovers_of_a_killed_creator_are_removed_by_a_sweep(
    cache: Path, start: Callable[[Path], Maker]
) -> None:
    killed = start(cache / "engine")
    killed.wait_until_half_made()
    killed.kill()

    once.sweep(cache)

    assert not [path for path in cache.iterdir() if path.name.startswith(".")]


def test_unfinished_work_of_another_creator_is_kept(cache: Path, start: Callable[[Path], Maker]) -> None:
    other = cache / "engine-2"
    maker = start(other)
    maker.wait_until_half_made()

    # Its name is the beginning of the other's.
    once.folder(cache / "engine", lambda folder: (folder / "whole").touch())
    release(other)

    assert maker.result() == str(other)
    assert sorted(file.name for file in other.iterdir()) == ["half", "whole"]


def test_a_failed_creation_reports_command_and_last_lines_and_leaves_nothing(cache: Path) -> None:
    def make(folder: Path) -> None:
        (folder / "half").touch()
        run(["sh", "-c", "seq 1 100; echo no space left >&2; exit 3"])

    with pytest.raises(ClusterError, match=r"sh -c .* ended with 3:\n(\d+\n)+\nno space left$"):
        once.folder(cache / "engine", make)

    assert list(cache.iterdir()) == []


def test_after_a_failed_creation_the_next_call_tries_again(cache: Path) -> None:
    def fail(_folder: Path) -> None:
        raise ClusterError("out of reach")

    with pytest.raises(ClusterError):
        once.folder(cache / "engine", fail)

    assert (once.folder(cache / "engine", lambda folder: (folder / "whole").touch()) / "whole").exists()


def test_a_folder_that_appears_meanwhile_is_used(cache: Path) -> None:
    target = cache / "engine"

    def make(_folder: Path) -> None:
        # A program that does not take the lock: rename() then fails with ENOTEMPTY.
        target.mkdir()
        (target / "of another").touch()

    assert once.folder(target, make) == target
    assert [file.name for file in target.iterdir()] == ["of another"]
    assert list(cache.iterdir()) == [target]


def test_a_target_that_is_not_a_folder_is_an_error(cache: Path) -> None:
    (cache / "engine").write_text("a file")

    with pytest.raises(NotADirectoryError):
        once.folder(cache / "engine", lambda folder: (folder / "whole").touch())

    assert (cache / "engine").read_text() == "a file"


def test_an_empty_folder_is_filled(cache: Path) -> None:
    (cache / "engine").mkdir()

    once.folder(cache / "engine", lambda folder: (folder / "whole").touch())

    assert (cache / "engine" / "whole").exists()


def test_created_folders_are_readable_by_other_users(cache: Path) -> None:
    target = once.folder(cache / "engine", lambda folder: (folder / "whole").touch())

    assert target.stat().st_mode & 0o777 == 0o755


def test_a_file_is_created_once_and_never_partially(cache: Path) -> None:
    def fail(file: Path) -> None:
        file.write_text("half")
        raise ClusterError("the connection broke")

    with pytest.raises(ClusterError):
        once.file(cache / "trace.csv", fail)
    assert list(cache.iterdir()) == []

    once.file(cache / "trace.csv", lambda file: file.write_text("whole"))
    once.file(cache / "trace.csv", fail)

    assert (cache / "trace.csv").read_text() == "whole"
    assert os.listdir(cache) == ["trace.csv"]


def test_a_titled_creation_prints_its_title_and_duration(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    once.folder(cache / "engine", lambda folder: (folder / "whole").touch(), title="the engine")
    once.folder(cache / "engine", lambda folder: None, title="the engine")

    begun, ended = capsys.readouterr().err.splitlines()
    assert begun.endswith("the engine ...")
    assert ended.endswith(" s")
