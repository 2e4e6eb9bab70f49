"""A shared cache in which another pod has put links, pipes and false notes where the download works."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead_weights.bounds import MAX_RECORD_BYTES
from fairlead_weights.jobs import Job
from tests.support.hub import Hub, commit_of, sha256_of
from tests.weights.downloads import Outcome, Pod, content, make_repository, read_folder, wait_until
from tests.weights.s3_server import BUCKET, CREDENTIALS, S3Server

LARGE = 100_000
MODEL = {"config.json": 700, "model.safetensors": LARGE, "extra/vocab.txt": 10}
FOLDER = "huggingface/models--acme--tiny"


@pytest.fixture
def repository(hub: Hub) -> Path:
    """acme/tiny at the hub."""
    return make_repository(hub.folder / "acme/tiny", MODEL)


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A folder that is mounted in the container, beside the cache. It must stay as it is."""
    folder = make_repository(tmp_path / "victim", {"launcher.py": 700, "model.safetensors": LARGE})
    before = read_folder(folder)
    yield folder
    assert read_folder(folder) == before


Download = Callable[..., Outcome]


@pytest.fixture
def download(hub: Hub, pod: Pod, repository: Path) -> Download:
    """Downloads acme/tiny into the cache as it is."""

    def run(**more: Any) -> Outcome:
        return pod.run(pod.order(pod.job("hf://acme/tiny", hub.url, **more), patienceSeconds=5))

    return run


def link(pod: Pod, place: str, target: Path) -> Path:
    """Puts a link into the cache."""
    path = pod.cache / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


def notes(hub: Hub, revision: str | None = None) -> str:
    """How the notes about the download of acme/tiny begin."""
    return f".fairlead/{Job('model', 'hf://acme/tiny', '/m', revision, hub.url).key}"


@pytest.mark.parametrize(
    "place",
    [
        "",
        "blobs",
        "snapshots",
        "snapshots/{commit}",
        "snapshots/{commit}/extra",
        "refs",
    ],
)
def test_a_folder_that_is_a_link_is_not_written_through(
    download: Download, pod: Pod, repository: Path, victim: Path, place: str
) -> None:
    link(pod, f"{FOLDER}/{place}".format(commit=commit_of(repository)).rstrip("/"), victim)
    outcome = download()
    assert (outcome.code, outcome.reason) == (1, "WeightsCorrupt"), outcome
    assert f"{FOLDER}/{place}".format(commit=commit_of(repository)).rstrip("/") in outcome.message
    assert "Remove the link" in outcome.message


@pytest.mark.parametrize("place", ["blobs", "snapshots"])
def test_a_link_into_another_models_cache_folder_is_not_written_through(
    download: Download, pod: Pod, tmp_path: Path, place: str
) -> None:
    other = make_repository(pod.cache / "huggingface/models--acme--other", {f"{place}/x": 10})
    before = read_folder(other)
    link(pod, f"{FOLDER}/{place}", other / place)
    assert download().reason == "WeightsCorrupt"
    assert read_folder(other) == before


def test_a_file_of_the_model_that_is_a_link_elsewhere_is_replaced(
    download: Download, pod: Pod, repository: Path, victim: Path
) -> None:
    link(pod, f"{FOLDER}/snapshots/{commit_of(repository)}/config.json", victim / "launcher.py")
    assert download().code == 0
    assert read_folder(pod.model) == read_folder(repository)


def test_content_that_is_a_link_elsewhere_is_downloaded_and_replaced(
    download: Download, pod: Pod, repository: Path, victim: Path
) -> None:
    blob = link(
        pod,
        f"{FOLDER}/blobs/{sha256_of(repository / 'model.safetensors')}",
        victim / "model.safetensors",
    )
    assert download().code == 0
    assert not blob.is_symlink()
    assert read_folder(pod.model) == read_folder(repository)


def test_unfinished_content_that_is_a_link_elsewhere_is_not_written(
    download: Download, pod: Pod, repository: Path, victim: Path
) -> None:
    digest = sha256_of(repository / "model.safetensors")
    link(pod, f"{FOLDER}/blobs/{digest}.fairlead.incomplete", victim / "launcher.py")
    outcome = download()
    assert (outcome.code, outcome.reason) == (1, "WeightsCorrupt"), outcome
    assert f"{digest}.fairlead.incomplete" in outcome.message
    assert "Remove it" in outcome.message


def test_a_reference_that_is_a_link_elsewhere_is_replaced(
    download: Download, pod: Pod, repository: Path, victim: Path
) -> None:
    reference = link(pod, f"{FOLDER}/refs/main", victim / "launcher.py")
    assert download().code == 0
    assert not reference.is_symlink()
    assert reference.read_text() == commit_of(repository)


@pytest.mark.parametrize("end", [".lock", ".json", ".progress.json"])
def test_a_cache_record_that_is_a_link_elsewhere_is_not_written_through(
    download: Download, hub: Hub, pod: Pod, victim: Path, end: str
) -> None:
    link(pod, f"{notes(hub)}{end}", victim / "launcher.py")
    outcome = download()
    if end == ".lock":
        assert (outcome.code, outcome.reason) == (1, "WeightsCorrupt"), outcome
    else:
        assert outcome.code == 0, outcome


def test_a_cache_record_folder_that_is_a_link_elsewhere_is_refused(
    download: Download, pod: Pod, victim: Path
) -> None:
    link(pod, ".fairlead", victim)
    assert download().reason == "WeightsCorrupt"


def test_a_pipe_in_place_of_a_cache_record_does_not_block(download: Download, hub: Hub, pod: Pod) -> None:
    (pod.cache / ".fairlead").mkdir()
    for end in (".json", ".progress.json"):
        os.mkfifo(pod.cache / f"{notes(hub)}{end}")
    assert download().code == 0


def record(revision: Any, *files: Any) -> str:
    """A note about a finished download."""
    return json.dumps({"identity": "1", "revision": revision, "files": files})


def entry(path: Any = "config.json", size: Any = 2, version: Any = "a") -> dict[str, Any]:
    """A file in such a note."""
    return {"path": path, "size": size, "version": version}


COMMIT = "0" * 40
FALSE_RECORDS = {
    "no-json": "{",
    "deep": "[" * 100_000,
    "no-object": "[]",
    "no-list": json.dumps({"identity": "1", "revision": COMMIT, "files": 7}),
    "revision-path": record("/run/fairlead", entry()),
    "revision-up": record("../../models--x", entry()),
    "revision-none": record("", entry()),
    "revision-number": record(7, entry()),
    "path-up": record(COMMIT, entry("../x")),
    "path-number": record(COMMIT, entry(7)),
    "size-negative": record(COMMIT, entry(size=-1)),
    "size-huge": record(COMMIT, entry(size=10**30)),
    "size-text": record(COMMIT, entry(size="2")),
    "version-up": record(COMMIT, entry(version="..")),
    "too-long": " " * (MAX_RECORD_BYTES + 1),
}


@pytest.mark.parametrize("name", FALSE_RECORDS)
def test_an_invalid_cache_record_is_ignored(
    download: Download, hub: Hub, pod: Pod, repository: Path, name: str
) -> None:
    path = pod.cache / f"{notes(hub)}.json"
    path.parent.mkdir()
    path.write_text(FALSE_RECORDS[name])
    assert download().code == 0
    assert read_folder(pod.model) == read_folder(repository)


def test_a_cache_record_of_another_commit_does_not_replace_the_requested_one(
    download: Download, hub: Hub, pod: Pod, repository: Path
) -> None:
    wanted = commit_of(repository)
    other = pod.cache / FOLDER / "snapshots" / COMMIT
    other.mkdir(parents=True)
    (other / "config.json").write_text("{}")
    path = pod.cache / f"{notes(hub, wanted)}.json"
    path.parent.mkdir()
    path.write_text(record(COMMIT, entry()))

    assert download(revision=wanted).code == 0
    assert pod.model.resolve().name == wanted


@pytest.mark.parametrize(
    "progress",
    [
        {"bytes": [1], "totalBytes": "x", "host": 7},
        {"bytes": -5, "totalBytes": 10**30, "bytesPerSecond": 1.5, "host": "x" * 1000},
        {"bytes": True, "totalBytes": None, "host": "a\nb"},
    ],
)
def test_invalid_progress_of_another_pod_is_not_reported(
    hub: Hub, pod: Pod, tmp_path: Path, repository: Path, progress: dict[str, Any]
) -> None:
    hub.behaviour.bytes_per_second = LARGE // 10
    order = pod.order(pod.job("hf://acme/tiny", hub.url))
    first = pod.start(order)
    path = pod.cache / f"{notes(hub)}.progress.json"
    wait_until("the progress of the first pod", path.exists)
    first.kill()
    pod.end_of(first)
    path.write_text(json.dumps(progress))
    holder = hold(pod.cache / f"{notes(hub)}.lock")
    second = Pod(tmp_path / "second", pod.cache)
    waiting = second.start(second.order(second.job("hf://acme/tiny", hub.url)))
    wait_until("the second pod waiting", lambda: second.state().get("phase") == "Waiting")
    state = second.state()
    os.close(holder)
    hub.behaviour.bytes_per_second = 0

    assert (state["bytes"], state["totalBytes"], state["bytesPerSecond"]) == (0, None, None)
    assert state["detail"] == "pod ? downloads into the shared cache"
    assert second.end_of(waiting).code == 0


def hold(path: Path) -> int:
    """Takes a lock as another pod would; returns its descriptor."""
    descriptor = os.open(path, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def test_a_cache_folder_may_be_a_link_inside_the_volume(
    download: Download, pod: Pod, repository: Path
) -> None:
    (pod.cache / "hub").mkdir()
    link(pod, "huggingface", Path("hub"))
    assert download().code == 0
    assert read_folder(pod.model) == read_folder(repository)
    assert (pod.cache / "hub/models--acme--tiny/refs/main").exists()


def test_a_cache_folder_that_links_out_of_the_volume_is_refused(
    download: Download, pod: Pod, victim: Path
) -> None:
    link(pod, "huggingface", victim)
    assert download().reason == "WeightsCorrupt"


@pytest.mark.parametrize(
    "place", ["s3/{bucket}/llm", "s3/{bucket}/llm/tiny", "s3/.objects/{bucket}/llm/tiny"]
)
def test_a_link_in_place_of_a_bucket_folder_is_neither_written_nor_emptied(
    pod: Pod, victim: Path, place: str
) -> None:
    link(pod, place.format(bucket=BUCKET), victim)
    with S3Server() as s3:
        s3.put("llm/tiny/config.json", content("config", 600))
        outcome = pod.run(pod.order(pod.job(f"s3://{BUCKET}/llm/tiny", s3.url)), **CREDENTIALS)
    assert (outcome.code, outcome.reason) == (1, "WeightsCorrupt"), outcome
