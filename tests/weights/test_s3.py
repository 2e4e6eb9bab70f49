"""s3://: what a download from moto's S3 server brings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.weights.downloads import Pod, content, read_folder, wait_until
from tests.weights.s3_server import BUCKET, CREDENTIALS, S3Server

LARGE = 400_000
MODEL = {
    "config.json": content("config", 600),
    "model-00001-of-00002.safetensors": content("first", LARGE),
    "model-00002-of-00002.safetensors": content("second", LARGE),
    "extra/vocab.txt": content("vocab", 30),
}
SOURCE = f"s3://{BUCKET}/llm/tiny"


@pytest.fixture
def s3() -> Iterator[S3Server]:
    """A bucket with a model, and another one beside it."""
    with S3Server() as server:
        for name, body in MODEL.items():
            server.put(f"llm/tiny/{name}", body)
        server.put("llm/tiny-v2/config.json", b"another model")
        server.asked.clear()
        yield server


def test_a_model_is_downloaded_completely(s3: S3Server, pod: Pod) -> None:
    outcome = pod.run(pod.order(pod.job(SOURCE, s3.url)), **CREDENTIALS)

    assert outcome.code == 0, outcome
    assert read_folder(pod.model) == MODEL
    total = sum(map(len, MODEL.values()))
    assert (outcome.state["phase"], outcome.state["bytes"], outcome.state["totalBytes"]) == (
        "Complete",
        total,
        total,
    )
    assert pod.model.resolve() == pod.cache / "s3" / BUCKET / "llm/tiny"


def test_a_second_start_downloads_nothing(s3: S3Server, pod: Pod) -> None:
    order = pod.order(pod.job(SOURCE, s3.url))
    assert pod.run(order, **CREDENTIALS).code == 0
    s3.asked.clear()

    assert pod.run(order, **CREDENTIALS).code == 0

    assert s3.sent() == 0


def test_a_bucket_without_a_path_is_downloaded_completely(s3: S3Server, pod: Pod) -> None:
    outcome = pod.run(pod.order(pod.job(f"s3://{BUCKET}", s3.url)), **CREDENTIALS)

    assert outcome.code == 0, outcome
    assert (pod.model / "llm/tiny-v2/config.json").read_bytes() == b"another model"


def test_changed_objects_are_downloaded_again_and_deleted_ones_removed(s3: S3Server, pod: Pod) -> None:
    order = pod.order(pod.job(SOURCE, s3.url))
    assert pod.run(order, **CREDENTIALS).code == 0
    s3.asked.clear()
    # The size is unchanged: only the ETag shows the change.
    s3.put("llm/tiny/config.json", content("changed", 600))
    s3.delete("llm/tiny/extra/vocab.txt")

    assert pod.run(order, **CREDENTIALS).code == 0

    kept = {name: body for name, body in MODEL.items() if name.startswith("model")}
    assert read_folder(pod.model) == kept | {"config.json": content("changed", 600)}
    assert s3.sent() == 600
    # Nothing of what is gone takes room.
    held = [path for path in (pod.cache / "s3").rglob("*") if path.is_file() and not path.is_symlink()]
    assert sum(path.stat().st_size for path in held) == 600 + 2 * LARGE


def test_a_broken_connection_is_resumed_where_it_broke(s3: S3Server, pod: Pod) -> None:
    s3.cut_after = LARGE // 2

    outcome = pod.run(pod.order(pod.job(SOURCE, s3.url)), **CREDENTIALS)

    assert outcome.code == 0, outcome
    assert read_folder(pod.model) == MODEL
    _, again = s3.ranges("model-00001-of-00002.safetensors")
    assert int(again.removeprefix("bytes=").removesuffix("-")) > 0


def test_a_killed_download_resumes_where_it_was(s3: S3Server, pod: Pod) -> None:
    order = pod.order(pod.job(SOURCE, s3.url))
    s3.bytes_per_second = LARGE // 4
    process = pod.start(order, **CREDENTIALS)
    wait_until("half of the bytes", lambda: pod.state().get("bytes", 0) > LARGE)
    process.kill()
    pod.end_of(process)
    parts = {path.parent.name: path.stat().st_size for path in pod.cache.rglob("*.incomplete")}
    assert parts
    s3.asked.clear()
    s3.bytes_per_second = 0

    assert pod.run(order, **CREDENTIALS).code == 0

    assert read_folder(pod.model) == MODEL
    # By their ranges: transfers to the killed process may end after it.
    continued = {asked.path.rpartition("/")[2]: asked.range for asked in s3.asked if asked.range}
    assert continued == {name: f"bytes={size}-" for name, size in parts.items()}
    assert s3.sent("config.json") == 0


def test_a_partial_file_of_an_older_object_is_not_resumed(s3: S3Server, pod: Pod) -> None:
    order = pod.order(pod.job(SOURCE, s3.url))
    s3.bytes_per_second = LARGE // 4
    process = pod.start(order, **CREDENTIALS)
    wait_until("half of the bytes", lambda: pod.state().get("bytes", 0) > LARGE)
    process.kill()
    pod.end_of(process)
    s3.bytes_per_second = 0
    newer = content("newer", LARGE)
    s3.put("llm/tiny/model-00001-of-00002.safetensors", newer)

    assert pod.run(order, **CREDENTIALS).code == 0

    assert read_folder(pod.model) == MODEL | {"model-00001-of-00002.safetensors": newer}
    assert not list(pod.cache.rglob("*.incomplete"))


def test_an_object_that_changes_during_the_download_is_downloaded_again(s3: S3Server, pod: Pod) -> None:
    newer = content("newer", LARGE)
    s3.bytes_per_second = LARGE // 4
    s3.cut_after = LARGE // 2
    process = pod.start(pod.order(pod.job(SOURCE, s3.url)), **CREDENTIALS)
    wait_until("some bytes", lambda: pod.state().get("bytes", 0) > LARGE // 4)
    # The line is cut in the middle, and what comes after it belongs to the new object.
    s3.put("llm/tiny/model-00001-of-00002.safetensors", newer)
    s3.bytes_per_second = 0

    outcome = pod.end_of(process)

    assert outcome.code == 0, outcome
    assert read_folder(pod.model) == MODEL | {"model-00001-of-00002.safetensors": newer}


def test_without_credentials_requests_are_anonymous(s3: S3Server, pod: Pod) -> None:
    outcome = pod.run(pod.order(pod.job(SOURCE, s3.url)))

    assert outcome.code == 0, outcome
    assert {asked.signed for asked in s3.asked} == {False}


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        ((403, "AccessDenied"), "WeightsForbidden"),
        ((403, "InvalidAccessKeyId"), "WeightsUnauthorized"),
        ((403, "SignatureDoesNotMatch"), "WeightsUnauthorized"),
    ],
)
def test_a_refused_s3_request_is_reported_with_its_cause(
    s3: S3Server, pod: Pod, refusal: tuple[int, str], reason: str
) -> None:
    s3.refusals = [refusal]

    outcome = pod.run(pod.order(pod.job(SOURCE, s3.url)), **CREDENTIALS)

    assert (outcome.code, outcome.reason) == (1, reason), outcome
    assert refusal[1] in outcome.message


@pytest.mark.parametrize("source", [f"s3://{BUCKET}/nothing", "s3://nowhere/llm"])
def test_a_missing_bucket_or_path_is_weightsnotfound(s3: S3Server, pod: Pod, source: str) -> None:
    outcome = pod.run(pod.order(pod.job(source, s3.url)), **CREDENTIALS)

    assert (outcome.code, outcome.reason) == (1, "WeightsNotFound"), outcome


def test_a_busy_s3_service_is_retried(s3: S3Server, pod: Pod) -> None:
    s3.refusals = [(503, "SlowDown"), (500, "InternalError")]

    outcome = pod.run(pod.order(pod.job(SOURCE, s3.url)), **CREDENTIALS)

    assert outcome.code == 0, outcome
    assert "WeightsRateLimited" in outcome.log
    assert "WeightsUnavailable" in outcome.log
