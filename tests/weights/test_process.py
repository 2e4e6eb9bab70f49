"""The downloader as a process: killed at any moment, beside others on one cache, on full or foreign disks."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from tests.support.hub import Hub
from tests.weights.downloads import Pod, make_repository, read_folder, wait_until

LARGE = 400_000
MODEL = {
    "config.json": 700,
    "model-00001-of-00002.safetensors": LARGE,
    "model-00002-of-00002.safetensors": LARGE,
}
TOTAL = sum(MODEL.values())
DISK_BYTES = 4 << 20


@pytest.fixture
def repository(hub: Hub) -> Path:
    """acme/tiny at the hub."""
    return make_repository(hub.folder / "acme/tiny", MODEL)


@pytest.fixture
def second_pod(tmp_path: Path, pod: Pod) -> Pod:
    """Another pod with the same cache."""
    return Pod(tmp_path / "second-pod", pod.cache)


def order(hub: Hub, pod: Pod, **more: object) -> str:
    """A download of acme/tiny."""
    return pod.order(pod.job("hf://acme/tiny", hub.url), **more)


def parts(pod: Pod) -> dict[str, int]:
    """Unfinished contents and how long they are."""
    found = pod.cache.rglob("*.fairlead.incomplete")
    return {path.name.partition(".")[0]: path.stat().st_size for path in found}


def bytes_held(pod: Pod) -> int:
    """Bytes of all contents in the cache, finished or not."""
    blobs = (pod.cache / "huggingface").glob("*/blobs/*")
    return sum(path.stat().st_size for path in blobs)


def test_a_killed_download_resumes_where_it_was(hub: Hub, pod: Pod, repository: Path) -> None:
    hub.behaviour.bytes_per_second = LARGE // 4
    process = pod.start(order(hub, pod))
    wait_until("half of the bytes", lambda: pod.state().get("bytes", 0) > TOTAL // 2)
    process.kill()
    pod.end_of(process)
    unfinished = parts(pod)
    assert len(unfinished) == 2
    hub.asked.clear()
    hub.behaviour.bytes_per_second = 0

    assert pod.run(order(hub, pod)).code == 0

    assert read_folder(pod.model) == read_folder(repository)
    # By their offsets: the hub may note transfers to the killed process after it is gone.
    continued = {asked.path.split("/")[2]: asked.offset for asked in hub.asked if asked.offset}
    assert continued == unfinished
    assert not [asked for asked in hub.asked if asked.path.endswith("config.json")]


def test_a_download_killed_at_any_moment_finally_has_the_same_content(hub: Hub, pod: Pod) -> None:
    repository = make_repository(
        hub.folder / "acme/tiny", {f"part-{n}.safetensors": 300_000 + n for n in range(12)}
    )
    hub.behaviour.bytes_per_second = 20_000
    moments = random.Random(5)
    kept = 0
    for _ in range(6):
        process = pod.start(order(hub, pod))
        wait_until("a listing", lambda: pod.state().get("totalBytes") is not None)
        time.sleep(moments.uniform(0, 0.4))  # the moment of the kill: the point is that it is any
        process.kill()
        pod.end_of(process)
        pod.state_file.unlink()
        held = bytes_held(pod)
        assert held >= kept, "a kill cost bytes that were there"
        kept = held
    assert 0 < kept < sum(path.stat().st_size for path in repository.iterdir())
    hub.behaviour.bytes_per_second = 0
    hub.asked.clear()

    assert pod.run(order(hub, pod)).code == 0

    assert read_folder(pod.model) == read_folder(repository)
    assert not parts(pod)


def test_sigterm_ends_a_download_immediately(hub: Hub, pod: Pod, repository: Path) -> None:
    hub.behaviour.bytes_per_second = 100  # one piece, then silence for minutes
    process = pod.start(order(hub, pod))
    wait_until("the first bytes", lambda: pod.state().get("bytes", 0) > 0)

    process.send_signal(signal.SIGTERM)
    outcome_code = process.wait(timeout=20)

    assert outcome_code == 128 + signal.SIGTERM
    assert pod.termination() is None
    pod.end_of(process)


def test_a_second_pod_waits_for_the_download_and_reports_its_progress(
    hub: Hub, pod: Pod, second_pod: Pod, repository: Path
) -> None:
    hub.behaviour.bytes_per_second = LARGE // 8
    first = pod.start(order(hub, pod))
    wait_until("the first bytes", lambda: pod.state().get("bytes", 0) > 0)
    second = second_pod.start(order(hub, second_pod))

    wait_until(
        "the downloader's bytes",
        lambda: second_pod.state().get("phase") == "Waiting" and second_pod.state()["bytes"],
    )
    reported = second_pod.state()
    hub.behaviour.bytes_per_second = 0
    outcomes = [pod.end_of(first), second_pod.end_of(second)]

    assert reported["totalBytes"] == TOTAL
    assert 0 < reported["bytes"] < TOTAL
    assert "%" in reported["detail"]
    assert [outcome.code for outcome in outcomes] == [0, 0], outcomes
    assert read_folder(second_pod.model) == read_folder(repository)
    assert (hub.sent(), hub.listings()) == (TOTAL, 1)


def test_many_replicas_download_from_the_hub_once(hub: Hub, tmp_path: Path, repository: Path) -> None:
    cache = tmp_path / "weights"
    pods = [Pod(tmp_path / f"pod-{n}", cache) for n in range(4)]
    hub.behaviour.bytes_per_second = LARGE // 6
    first = pods[0].start(order(hub, pods[0]))
    wait_until("the first bytes", lambda: pods[0].state().get("bytes", 0) > 0)
    others = [pod.start(order(hub, pod)) for pod in pods[1:]]
    wait_until("all of them waiting", lambda: all(pod.state().get("phase") == "Waiting" for pod in pods[1:]))
    hub.behaviour.bytes_per_second = 0

    outcomes = [pod.end_of(process) for pod, process in zip(pods, [first, *others], strict=True)]

    assert [outcome.code for outcome in outcomes] == [0, 0, 0, 0]
    assert (hub.sent(), hub.listings()) == (TOTAL, 1)


def test_a_waiting_pod_takes_over_from_a_killed_downloader(
    hub: Hub, pod: Pod, second_pod: Pod, repository: Path
) -> None:
    hub.behaviour.bytes_per_second = LARGE // 4
    first = pod.start(order(hub, pod))
    wait_until("half of the bytes", lambda: pod.state().get("bytes", 0) > TOTAL // 2)
    second = second_pod.start(order(hub, second_pod))
    wait_until("the second one waiting", lambda: second_pod.state().get("phase") == "Waiting")
    first.kill()
    pod.end_of(first)
    hub.behaviour.bytes_per_second = 0

    outcome = second_pod.end_of(second)

    assert outcome.code == 0, outcome
    assert read_folder(second_pod.model) == read_folder(repository)
    taken_over = [asked for asked in hub.asked if asked.path.startswith("/cdn/") and asked.offset]
    assert len(taken_over) == 2


def test_two_concurrent_downloads_without_a_common_lock_give_the_right_content(
    hub: Hub, pod: Pod, second_pod: Pod, repository: Path
) -> None:
    hub.behaviour.bytes_per_second = LARGE // 6
    first = pod.start(order(hub, pod))
    wait_until("the first bytes", lambda: pod.state().get("bytes", 0) > 0)
    # As on a disk that grants every lock: the second one locks another file than the first one.
    for lock in pod.cache.glob(".fairlead/*.lock"):
        lock.unlink()
    second = second_pod.start(order(hub, second_pod))
    wait_until("both at work", lambda: second_pod.state().get("bytes", 0) > LARGE // 2)
    hub.behaviour.bytes_per_second = 0

    outcomes = [pod.end_of(first), second_pod.end_of(second)]

    assert [outcome.code for outcome in outcomes] == [0, 0], outcomes
    assert second_pod.state()["phase"] == "Complete"
    assert read_folder(pod.model) == read_folder(repository)


def test_downloads_of_other_models_do_not_wait(hub: Hub, pod: Pod, second_pod: Pod, repository: Path) -> None:
    other = make_repository(hub.folder / "acme/other", {"config.json": 10})
    hub.behaviour.bytes_per_second = 1000
    first = pod.start(order(hub, pod))
    wait_until("the first bytes", lambda: pod.state().get("bytes", 0) > 0)

    outcome = second_pod.run(second_pod.order(second_pod.job("hf://acme/other", hub.url)))

    assert outcome.code == 0, outcome
    assert read_folder(second_pod.model) == read_folder(other)
    first.kill()
    pod.end_of(first)
