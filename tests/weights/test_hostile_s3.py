"""s3://: an object store that names paths, lies about sizes and never ends."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from fairlead_weights.bounds import MAX_EMPTY_PAGES, MAX_ERROR_BYTES, MAX_FILES, MAX_PAGE_BYTES
from tests.weights.downloads import Outcome, Pod
from tests.weights.hostile import Answer, HostileServer, Reply, Request, endless, object_of, page

# What the container has is 1 GiB. A body without an end would reach this within seconds.
MEMORY = ("prlimit", f"--data={768 << 20}")
# Bytes that are on their way when the client has enough.
BUFFERS = 16 << 20
OBJECT = Reply(b"{}", headers={"ETag": '"e0"'})

Download = Callable[[HostileServer], Outcome]


@pytest.fixture
def download(pod: Pod) -> Download:
    """Downloads s3://models/tiny from a server, as a process."""

    def run(server: HostileServer) -> Outcome:
        return pod.run(pod.order(pod.job("s3://models/tiny", server.url), patienceSeconds=1), wrapper=MEMORY)

    return run


def store(listing: Reply | Callable[[], Reply], found: Reply = OBJECT) -> Answer:
    """A store with this list, in which every object is the same."""

    def answer(request: Request) -> Reply:
        if "list-type=2" not in request.query:
            return found
        return listing if isinstance(listing, Reply) else listing()

    return answer


def written(pod: Pod) -> list[str]:
    """Everything in the cache that is no folder, but for locks and notes."""
    paths = (path.relative_to(pod.cache) for path in pod.cache.rglob("*") if not path.is_dir())
    return [path.as_posix() for path in paths if path.parts[0] != ".fairlead"]


def refused(outcome: Outcome, reason: str, server: HostileServer) -> None:
    """The download ended with the reason, and its message names the server."""
    assert (outcome.code, outcome.reason) == (1, reason), outcome
    assert server.url in outcome.message


def test_an_ordinary_s3_object_is_downloaded(download: Download, pod: Pod) -> None:
    with HostileServer(store(page(object_of("tiny/config.json")))) as server:
        assert download(server).code == 0
    assert (pod.model / "config.json").read_bytes() == b"{}"


@pytest.mark.parametrize("key", ["tiny/../../x", "tiny//x", "tiny/./x", "tiny/a\\b", "other/x", "/etc/x"])
def test_a_key_that_leads_out_of_the_path_is_refused(download: Download, pod: Pod, key: str) -> None:
    with HostileServer(store(page(object_of(key)))) as server:
        refused(download(server), "WeightsCorrupt", server)
    assert written(pod) == []


@pytest.mark.parametrize("etag", ["..", "../x", "a.fairlead.incomplete", "/" * 80, ""])
def test_an_etag_that_is_not_a_file_name_is_refused(download: Download, pod: Pod, etag: str) -> None:
    with HostileServer(store(page(object_of("tiny/a.json", etag=etag)))) as server:
        refused(download(server), "WeightsCorrupt", server)
    assert written(pod) == []


@pytest.mark.parametrize("size", [-1, 10**30, 1 << 47])
def test_an_impossible_size_is_refused(download: Download, size: int) -> None:
    with HostileServer(store(page(object_of("tiny/a.json", size=size)))) as server:
        refused(download(server), "WeightsCorrupt", server)


def test_an_object_longer_than_its_listed_size_is_aborted(download: Download) -> None:
    with HostileServer(store(page(object_of("tiny/a.json")), Reply(endless()))) as server:
        outcome = download(server)
    assert (outcome.code, outcome.reason) == (1, "WeightsCorrupt"), outcome
    assert server.sent < 4 * BUFFERS


def test_a_list_with_more_objects_than_a_model_has_is_refused(download: Download) -> None:
    numbers = itertools.count()

    def full() -> Reply:
        first = next(numbers) * 1000
        return page(*(object_of(f"tiny/{first + number}") for number in range(1000)), more=str(first))

    with HostileServer(store(full)) as server:
        outcome = download(server)
        assert len(server.asked) <= MAX_FILES / 1000 + 1
    refused(outcome, "WeightsCorrupt", server)
    assert str(MAX_FILES) in outcome.message


def test_an_endless_list_of_one_object_is_refused(download: Download) -> None:
    numbers = itertools.count()
    again = [object_of("tiny/config.json")] * 10_000
    with HostileServer(store(lambda: page(*again, more=str(next(numbers))))) as server:
        refused(download(server), "WeightsCorrupt", server)


def test_an_endless_list_of_empty_pages_is_refused(download: Download) -> None:
    numbers = itertools.count()
    with HostileServer(store(lambda: page(more=str(next(numbers))))) as server:
        outcome = download(server)
        assert len(server.asked) <= MAX_EMPTY_PAGES + 1
    refused(outcome, "WeightsUnavailable", server)
    assert "without an end" in outcome.message


def test_an_endless_list_page_is_refused(download: Download) -> None:
    with HostileServer(store(lambda: Reply(endless(b" " * 60_000)))) as server:
        outcome = download(server)
    refused(outcome, "WeightsUnavailable", server)
    assert "8.0 MiB" in outcome.message
    assert server.sent < MAX_PAGE_BYTES + BUFFERS


ENTITIES = '<!DOCTYPE x [<!ENTITY a "{}">]><ListBucketResult><Prefix>{}</Prefix></ListBucketResult>'
BOMB = ENTITIES.format("x" * 100_000, "&a;" * 10_000)


@pytest.mark.parametrize(
    "text",
    [
        BOMB.encode(),
        BOMB.encode("utf-16"),
        b"<a>" * (MAX_PAGE_BYTES // 3 - 1),
        b"<a/>" * (MAX_PAGE_BYTES // 4 - 1),
        b"<ListBucketResult>" + b"<Contents/>" * 500_000 + b"</ListBucketResult>",
        b"no xml",
    ],
    ids=["entities", "utf-16", "deep", "many", "empty-objects", "text"],
)
def test_a_list_page_that_is_not_a_list_is_refused(download: Download, text: bytes) -> None:
    with HostileServer(store(Reply(text, headers={"Content-Type": "application/xml"}))) as server:
        outcome = download(server)
    refused(outcome, "WeightsUnavailable", server)


@pytest.mark.parametrize(
    ("status", "piece"), [(400, b"no "), (403, b"<a>"), (404, b"<a/>"), (500, b"<!DOCTYPE x>")]
)
def test_only_the_beginning_of_an_endless_error_is_read(
    download: Download, status: int, piece: bytes
) -> None:
    with HostileServer(lambda request: Reply(endless(piece * 10_000), status)) as server:
        outcome = download(server)
        asked = len(server.asked)
    assert outcome.code == 1
    assert f"HTTP {status}" in outcome.message, outcome
    assert server.sent < asked * (MAX_ERROR_BYTES + BUFFERS)


def test_an_object_answered_by_an_endless_404_is_weightsnotfound(download: Download) -> None:
    with HostileServer(store(page(object_of("tiny/a.json")), Reply(endless(), 404))) as server:
        outcome = download(server)
    assert (outcome.code, outcome.reason) == (1, "WeightsNotFound"), outcome


def test_a_redirect_without_a_valid_region_is_not_followed(download: Download) -> None:
    with HostileServer(lambda request: Reply(status=301)) as server:
        outcome = download(server)
        assert len(server.asked) <= 3
    refused(outcome, "WeightsUnavailable", server)
    assert "spec.model.region" in outcome.message


@pytest.mark.parametrize("place", ["file:///etc/passwd", "http://localhost:1/"])
def test_a_redirect_of_a_store_to_another_place_is_not_followed(download: Download, place: str) -> None:
    with HostileServer(lambda request: Reply(status=302, headers={"Location": place})) as server:
        outcome = download(server)
    assert (outcome.code, outcome.reason) == (1, "WeightsUnavailable"), outcome


def test_an_object_with_content_encoding_is_stored_as_sent(download: Download, pod: Pod) -> None:
    found = Reply(b"{}", headers={"ETag": '"e0"', "Content-Encoding": "gzip"})
    with HostileServer(store(page(object_of("tiny/a.json")), found)) as server:
        assert download(server).code == 0
    assert (pod.model / "a.json").read_bytes() == b"{}"


@pytest.mark.parametrize("entry", ["<Contents/>", "<Contents><Key>tiny/a</Key></Contents>"])
def test_an_object_without_its_fields_is_refused(download: Download, entry: Any) -> None:
    with HostileServer(store(page(entry))) as server:
        outcome = download(server)
    refused(outcome, "WeightsUnavailable", server)
    assert "does not answer as S3 does" in outcome.message
