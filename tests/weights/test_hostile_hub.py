"""hf://: a hub that names paths, lies about sizes, never ends, and leads elsewhere."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead_weights.bounds import MAX_ANSWER_BYTES, MAX_ERROR_BYTES, MAX_FILES, MAX_REDIRECTS
from tests.weights.downloads import Outcome, Pod
from tests.weights.hostile import (
    COMMIT,
    PIECE,
    Answer,
    HostileServer,
    Reply,
    Request,
    endless,
    file_of,
    git_digest,
    hub,
    large_file,
)

OWN = "the operator's launcher"
# What the container has is 1 GiB. A body without an end would reach this within seconds.
MEMORY = ("prlimit", f"--data={768 << 20}")
# Bytes that are on their way when the client has enough.
BUFFERS = 16 << 20

Download = Callable[..., Outcome]


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A folder of another container, which must stay as it is."""
    folder = tmp_path / "victim"
    folder.mkdir()
    (folder / "launcher.py").write_text(OWN)
    yield folder
    assert [path.name for path in folder.iterdir()] == ["launcher.py"]
    assert (folder / "launcher.py").read_text() == OWN


@pytest.fixture
def download(pod: Pod) -> Download:
    """Downloads acme/tiny from a server, as a process."""

    def run(server: HostileServer, **environment: str) -> Outcome:
        order = pod.order(pod.job("hf://acme/tiny", server.url), patienceSeconds=1)
        return pod.run(order, wrapper=MEMORY, **environment)

    return run


def written(pod: Pod) -> list[str]:
    """Everything in the cache that is no folder, but for locks and notes."""
    paths = (path.relative_to(pod.cache) for path in pod.cache.rglob("*") if not path.is_dir())
    return [path.as_posix() for path in paths if path.parts[0] != ".fairlead"]


def refused(outcome: Outcome, reason: str, server: HostileServer) -> None:
    """The download ended with the reason, and its message names the server."""
    assert (outcome.code, outcome.reason) == (1, reason), outcome
    assert "127.0.0.1" in outcome.message


@pytest.mark.parametrize("sha", ["{victim}", "../../models--x", "main", COMMIT.upper(), 7])
def test_a_commit_that_is_a_path_is_refused(
    download: Download, pod: Pod, victim: Path, sha: str | int
) -> None:
    named = sha.format(victim=victim) if isinstance(sha, str) else sha
    with HostileServer(hub(file_of("launcher.py"), sha=named)) as server:
        outcome = download(server)
    refused(outcome, "WeightsCorrupt", server)
    assert "commit" in outcome.message
    assert written(pod) == []


@pytest.mark.parametrize(
    "path", ["../../../x", "{victim}/launcher.py", "a/../../x", "\ud800", "a" * 241, 7, None, ["a"]]
)
def test_a_file_name_that_is_not_a_relative_path_is_refused(
    download: Download, pod: Pod, victim: Path, path: Any
) -> None:
    named = path.format(victim=victim) if isinstance(path, str) else path
    with HostileServer(hub(file_of("config.json"), file_of(named))) as server:
        outcome = download(server)
    assert outcome.code == 1
    assert outcome.reason in ("WeightsCorrupt", "WeightsUnavailable"), outcome
    assert written(pod) == []


@pytest.mark.parametrize(
    "file",
    [
        file_of("config.json", blobId="../../../x"),
        file_of("config.json", blobId="a" * 64 + "/x"),
        large_file("config.json", b"{}", sha256="../x"),
        large_file("config.json", b"{}", sha256=git_digest(b"{}")),
    ],
)
def test_an_invalid_digest_is_refused(download: Download, pod: Pod, file: dict[str, Any]) -> None:
    with HostileServer(hub(file)) as server:
        refused(download(server), "WeightsCorrupt", server)
    assert written(pod) == []


def names_only(etag: str, size: str = "2") -> Answer:
    """A mirror that lists names only; the rest is in the headers of each file."""
    listing = hub({"rfilename": "config.json"})

    def answer(request: Request) -> Reply:
        if request.path.startswith("/api/"):
            return listing(request)
        return Reply(b"{}", headers={"ETag": etag, "X-Linked-Size": size})

    return answer


@pytest.mark.parametrize("etag", ['".."', '"../x"', '"a.fairlead.incomplete"', f'"{"a" * 221}"', '"ä"'])
def test_an_etag_becomes_a_file_name_below_its_folder_or_is_refused(
    download: Download, pod: Pod, victim: Path, etag: str
) -> None:
    with HostileServer(names_only(etag)) as server:
        outcome = download(server)
    # ../x as a name has no slash any more, but it begins with a dot.
    refused(outcome, "WeightsCorrupt", server)
    assert "ETag" in outcome.message


@pytest.mark.parametrize("etag", ['"a/b+c="', 'W/"0x8D"', '"d41d8cd9-2"'])
def test_a_mirror_with_other_etags_is_supported(download: Download, pod: Pod, etag: str) -> None:
    with HostileServer(names_only(etag)) as server:
        assert download(server).code == 0
    assert (pod.model / "config.json").read_bytes() == b"{}"


@pytest.mark.parametrize("size", [-1, 10**30, 1.5, "2", True, 1 << 47])
def test_an_impossible_size_is_refused(download: Download, size: Any) -> None:
    with HostileServer(hub(file_of("config.json", size=size))) as server:
        outcome = download(server)
    refused(outcome, "WeightsCorrupt", server)
    assert "size" in outcome.message


@pytest.mark.parametrize("size", ["-1", "9" * 5000])
def test_a_size_in_a_header_is_bounded(download: Download, size: str) -> None:
    with HostileServer(names_only('"a"', size)) as server:
        outcome = download(server)
    assert outcome.code == 1
    assert outcome.reason in ("WeightsCorrupt", "WeightsUnavailable"), outcome


def test_content_longer_than_its_listed_size_is_aborted(download: Download, pod: Pod) -> None:
    def answer(request: Request) -> Reply:
        return hub(file_of("config.json"))(request) if "/api/" in request.path else Reply(endless())

    with HostileServer(answer) as server:
        outcome = download(server)
    assert (outcome.code, outcome.reason) == (1, "WeightsCorrupt"), outcome
    assert server.sent < 4 * BUFFERS


def test_a_path_listed_as_file_and_folder_is_refused(download: Download) -> None:
    with HostileServer(hub(file_of("a"), file_of("a/b"))) as server:
        outcome = download(server)
    refused(outcome, "WeightsCorrupt", server)
    assert "as a file and as a folder" in outcome.message


def test_a_list_of_too_many_files_is_refused(download: Download) -> None:
    names = ({"rfilename": str(number)} for number in range(MAX_FILES + 1))
    with HostileServer(hub(*names)) as server:
        outcome = download(server)
    refused(outcome, "WeightsCorrupt", server)
    assert str(MAX_FILES) in outcome.message


def only(reply: Callable[[], Reply]) -> Answer:
    """The same to everything."""
    return lambda request: reply()


def test_an_endless_file_list_is_refused(download: Download) -> None:
    with HostileServer(only(lambda: Reply(endless(b" " * len(PIECE))))) as server:
        outcome = download(server)
    refused(outcome, "WeightsUnavailable", server)
    assert "16.0 MiB" in outcome.message
    assert server.sent < MAX_ANSWER_BYTES + BUFFERS


def test_a_compressed_list_is_bounded_by_its_decompressed_size(download: Download) -> None:
    bomb = gzip.compress(bytes(512 << 20))
    with HostileServer(only(lambda: Reply(bomb, headers={"Content-Encoding": "gzip"}))) as server:
        outcome = download(server)
    refused(outcome, "WeightsUnavailable", server)
    assert "16.0 MiB" in outcome.message


def test_an_unexpectedly_compressed_list_is_read(download: Download, pod: Pod) -> None:
    answer = hub(file_of("config.json"))

    def packed(request: Request) -> Reply:
        reply = answer(request)
        assert isinstance(reply.body, bytes)
        if not request.path.startswith("/api/"):
            return reply
        return Reply(gzip.compress(reply.body), headers={"Content-Encoding": "gzip"})

    with HostileServer(packed) as server:
        assert download(server).code == 0
        assert {request.headers["accept-encoding"] for request in server.asked} == {"identity"}
    assert (pod.model / "config.json").read_bytes() == b"{}"


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "7", '{"siblings": 7}', '{"siblings": ["a"]}', "{"])
def test_an_invalid_file_list_is_refused(download: Download, text: str) -> None:
    with HostileServer(only(lambda: Reply(text.encode()))) as server:
        outcome = download(server)
    assert outcome.code == 1
    assert "127.0.0.1" in outcome.message, outcome


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_only_the_beginning_of_an_endless_error_is_read(download: Download, status: int) -> None:
    with HostileServer(only(lambda: Reply(endless(b"no " * 20_000), status))) as server:
        outcome = download(server)
        asked = len(server.asked)
    assert f"HTTP {status}" in outcome.message
    assert server.sent < asked * (MAX_ERROR_BYTES + BUFFERS)


def test_content_answered_by_an_endless_404_is_weightsnotfound(download: Download) -> None:
    def answer(request: Request) -> Reply:
        return hub(file_of("config.json"))(request) if "/api/" in request.path else Reply(endless(), 404)

    with HostileServer(answer) as server:
        outcome = download(server)
    assert (outcome.code, outcome.reason) == (1, "WeightsNotFound"), outcome


def test_a_compressed_error_is_reported(download: Download) -> None:
    with HostileServer(only(lambda: Reply(b"?", 403, {"Content-Encoding": "br"}))) as server:
        assert download(server).reason == "WeightsForbidden"


@pytest.mark.parametrize("packing", ["br", "gzip, gzip", "zstd"])
def test_a_list_with_another_content_encoding_is_refused(download: Download, packing: str) -> None:
    with HostileServer(only(lambda: Reply(b"{}", headers={"Content-Encoding": packing}))) as server:
        outcome = download(server)
    refused(outcome, "WeightsUnavailable", server)
    assert "packed" in outcome.message


def test_the_number_of_redirects_is_bounded(download: Download) -> None:
    def answer(request: Request) -> Reply:
        return Reply(status=302, headers={"Location": f"{request.path}x"})

    with HostileServer(answer) as server:
        outcome = download(server)
        assert len(server.asked) == MAX_REDIRECTS + 1
    refused(outcome, "WeightsUnavailable", server)
    assert "TooManyRedirects" in outcome.message


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/"])
def test_only_redirects_to_http_urls_are_followed(download: Download, place: str) -> None:
    with HostileServer(only(lambda: Reply(endless(), 302, {"Location": place}))) as server:
        outcome = download(server)
        assert len(server.asked) == 1, "the same at the next try"
    refused(outcome, "WeightsUnavailable", server)


def moved(server_of: list[HostileServer], answer: Answer, *paths: str) -> Answer:
    """Paths that begin like these are at another host; everything else is answered here and there."""

    def redirecting(request: Request) -> Reply:
        if request.host.startswith("127.0.0.1") and request.path.startswith(paths):
            target = f"{server_of[0].other_url}{request.path}?{request.query}"
            return Reply(status=307, headers={"Location": target})
        return answer(request)

    return redirecting


@pytest.mark.parametrize("mirror", [hub(file_of("config.json")), names_only('"a"')], ids=["hub", "names"])
@pytest.mark.parametrize("paths", [("/api/",), ("/acme/",), ("/",)])
def test_the_token_is_not_sent_to_redirect_targets(
    download: Download, mirror: Answer, paths: tuple[str, ...]
) -> None:
    """Also where it leads to what huggingface_hub takes for the hub itself."""
    found: list[HostileServer] = []
    with HostileServer(moved(found, mirror, *paths)) as server:
        found.append(server)
        outcome = download(server, HF_TOKEN="hf_secret", HF_ENDPOINT=server.other_url)
        tokens = {request.host.split(":")[0]: set[str]() for request in server.asked}
        for request in server.asked:
            tokens[request.host.split(":")[0]].add(request.headers.get("authorization", ""))
    assert outcome.code == 0, outcome
    assert tokens == {"127.0.0.1": {"Bearer hf_secret"}, "localhost": {""}}


def test_cookies_of_a_hub_are_not_sent_back(download: Download) -> None:
    answer = hub(file_of("a.json"), file_of("b.json"))

    def setting(request: Request) -> Reply:
        return Reply(answer(request).body, headers={"Set-Cookie": "session=1; Path=/"})

    with HostileServer(setting) as server:
        assert download(server).code == 0
        assert not [request for request in server.asked if "cookie" in request.headers]


def test_a_hub_that_answers_another_commit_than_requested_is_refused(pod: Pod) -> None:
    asked = "0" * 40
    with HostileServer(hub(file_of("config.json"))) as server:
        outcome = pod.run(pod.order(pod.job("hf://acme/tiny", server.url, revision=asked)))
    refused(outcome, "WeightsCorrupt", server)
    assert asked in outcome.message
    assert COMMIT in outcome.message


def test_a_sha256_commit_is_accepted(download: Download, pod: Pod) -> None:
    with HostileServer(hub(file_of("config.json"), sha="ab" * 32)) as server:
        assert download(server).code == 0
    assert pod.model.resolve().name == "ab" * 32
