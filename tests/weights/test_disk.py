"""The downloader's disk: full, foreign, read-only; and its memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.hub import Hub
from tests.weights.downloads import Pod, make_repository, read_folder, wait_until

LARGE = 400_000
MODEL = {"config.json": 700, "model.safetensors": LARGE}
TOTAL = sum(MODEL.values())
DISK_BYTES = 4 << 20


@pytest.fixture
def repository(hub: Hub) -> Path:
    """acme/tiny at the hub."""
    return make_repository(hub.folder / "acme/tiny", MODEL)


def order(hub: Hub, pod: Pod, **more: object) -> str:
    """A download of acme/tiny."""
    return pod.order(pod.job("hf://acme/tiny", hub.url), **more)


def fill(folder: Path) -> Path:
    """Takes all the room that a disk has left."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(1 << 12)):
            pass
    return path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB. Needs root, as continuous integration has it."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_download_larger_than_the_free_space_does_not_start(
    hub: Hub, tmp_path: Path, small_disk: Path
) -> None:
    make_repository(hub.folder / "acme/tiny", {"model.safetensors": 5 << 20})
    pod = Pod(tmp_path / "pod", small_disk)

    outcome = pod.run(order(hub, pod))

    assert (outcome.code, outcome.reason) == (1, "DiskFull"), outcome
    assert "5.0 MiB more" in outcome.message
    assert "1.0 MiB are missing" in outcome.message
    assert hub.sent() == 0


def test_a_disk_filled_by_another_process_during_the_download_is_diskfull(
    hub: Hub, tmp_path: Path, small_disk: Path
) -> None:
    repository = make_repository(hub.folder / "acme/tiny", {"model.safetensors": 3 << 20})
    pod = Pod(tmp_path / "pod", small_disk)
    hub.behaviour.bytes_per_second = 1 << 20
    process = pod.start(order(hub, pod))
    wait_until("the first bytes", lambda: pod.state().get("bytes", 0) > 1 << 18)
    filler = fill(small_disk)

    outcome = pod.end_of(process)

    assert (outcome.code, outcome.reason) == (1, "DiskFull"), outcome
    assert "are missing" in outcome.message
    # With room again, it goes on where it was.
    filler.unlink()
    hub.behaviour.bytes_per_second = 0
    assert pod.run(order(hub, pod)).code == 0
    assert read_folder(pod.model) == read_folder(repository)
    assert max(asked.offset for asked in hub.asked) > 1 << 18


def test_a_file_above_the_file_size_limit_is_diskfull(hub: Hub, pod: Pod, repository: Path) -> None:
    outcome = pod.run(order(hub, pod), wrapper=("prlimit", f"--fsize={LARGE // 2}"))

    assert (outcome.code, outcome.reason) == (1, "DiskFull"), outcome


def test_a_download_larger_than_an_ephemeral_cache_does_not_start(
    hub: Hub, pod: Pod, repository: Path
) -> None:
    outcome = pod.run(order(hub, pod, capacityBytes=TOTAL - 1))

    assert (outcome.code, outcome.reason) == (1, "DiskFull"), outcome
    assert hub.sent() == 0
    assert pod.run(order(hub, pod, capacityBytes=TOTAL)).code == 0


@pytest.fixture
def foreigner() -> Sequence[str]:
    """Runs a command as one to whom the permissions of files apply, which they do not to root."""
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()


def close(folder: Path) -> None:
    """Makes all folders read-only."""
    for parent, _, _ in os.walk(folder):
        os.chmod(parent, 0o555)


def test_a_cache_owned_by_another_user_is_cachenotwritable(
    hub: Hub, pod: Pod, repository: Path, foreigner: Sequence[str]
) -> None:
    close(pod.cache)

    outcome = pod.run(order(hub, pod), wrapper=foreigner)

    assert (outcome.code, outcome.reason) == (1, "CacheNotWritable"), outcome
    assert "mode 555" in outcome.message
    assert "fsGroup" in outcome.message
    assert hub.sent() == 0


def test_a_cache_that_became_read_only_is_cachenotwritable(
    hub: Hub, tmp_path: Path, small_disk: Path, repository: Path
) -> None:
    pod = Pod(tmp_path / "pod", small_disk)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)

    outcome = pod.run(order(hub, pod))

    assert (outcome.code, outcome.reason) == (1, "CacheNotWritable"), outcome
    assert "Read-only file system" in outcome.message


def test_a_complete_read_only_cache_is_used(
    hub: Hub, pod: Pod, repository: Path, foreigner: Sequence[str]
) -> None:
    assert pod.run(order(hub, pod)).code == 0
    close(pod.cache)
    shutil.rmtree(pod.cache / ".fairlead") if os.geteuid() == 0 else None

    outcome = pod.run(order(hub, pod), wrapper=foreigner)

    assert outcome.code == 0, outcome
    assert read_folder(pod.model) == read_folder(repository)


def test_the_memory_of_a_large_download_stays_small(hub: Hub, pod: Pod) -> None:
    size = 32 << 20
    for n in range(4):
        path = hub.folder / f"acme/tiny/model-{n}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(size + n)
    process = pod.start(order(hub, pod))
    peak = 0
    while process.poll() is None:
        peak = max(peak, peak_kib(process.pid))
        time.sleep(0.01)

    outcome = pod.end_of(process)

    assert outcome.code == 0, outcome
    assert 20 << 10 < peak < 120 << 10


def peak_kib(pid: int) -> int:
    """The most memory that a process has had; 0 when it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0
