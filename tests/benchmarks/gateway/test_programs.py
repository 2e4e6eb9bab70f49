"""The load generator believes no answer that is not whole, and the mock engine speaks as vLLM does."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.gateway.errors import InvalidError
from tests.benchmarks.gateway.harness import Bench, chat, choose_cores
from tests.benchmarks.gateway.programs import Programs, build_programs

TOKEN = b'data: {"choices":[{"delta":{"content":" token"}}]}\n\n'
DONE = b"data: [DONE]\n\n"


@pytest.fixture(scope="module")
def programs() -> Programs:
    """Built once, or taken from the cache."""
    return build_programs()


@pytest.fixture(scope="module")
def bench(programs: Programs) -> Iterator[Bench]:
    """A mock engine that serves."""
    with Bench(programs, choose_cores()) as running:
        yield running


def chunked(*parts: bytes) -> bytes:
    """A chunked HTTP answer with one HTTP chunk per part."""
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def whole(status: str, body: bytes, length: int | None = None) -> bytes:
    """An HTTP answer with a Content-Length."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), length or len(body), body)


def load_against(programs: Programs, tmp_path: Path, writes: list[bytes], *options: str) -> tuple[int, Any]:
    """Exit code and report of one request to a server that answers with these writes, then closes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.recv(65536)
            for data in writes:
                connection.sendall(data)

    server = threading.Thread(target=serve)
    server.start()
    body = tmp_path / "body.json"
    body.write_text("{}")
    port = str(listener.getsockname()[1])
    command: list[str | Path] = [programs.load, "--port", port, "--body", body, "--rounds", "1", *options]
    with listener:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        server.join()
    return done.returncode, json.loads(done.stdout)


def test_a_complete_stream_counts_however_its_bytes_are_split(programs: Programs, tmp_path: Path) -> None:
    answer = chunked(TOKEN[:20], TOKEN[20:] + TOKEN, TOKEN + DONE[:7], DONE[7:])
    cut = [answer[start : start + 1] for start in range(len(answer))]
    code, report = load_against(programs, tmp_path, cut, "--tokens", "3")
    assert (code, report["requests"], report["tokens"], report["failures"]) == (0, 1, 3, 0)


@pytest.mark.parametrize(
    ("answer", "options", "reason"),
    [
        (whole("500 Oops", b'"That is all."'), [], "the status is not 200"),
        (whole("200 OK", b'"That is"'), [], "the end of the text is missing or doubled"),
        (whole("200 OK", b'"That is all."', 100), [], "closed before the end"),
        (chunked(TOKEN, DONE), ["--tokens", "2"], "lost or doubled tokens"),
        (chunked(TOKEN, TOKEN, TOKEN, DONE), ["--tokens", "2"], "lost or doubled tokens"),
        (chunked(TOKEN, TOKEN), ["--tokens", "2"], "the end of the text is missing"),
        (chunked(TOKEN, TOKEN, DONE, DONE), ["--tokens", "2"], "missing or doubled"),
        (chunked(TOKEN, TOKEN, DONE)[:-5], ["--tokens", "2"], "closed before the end"),
        (chunked(TOKEN, DONE) + b"more", ["--tokens", "1"], "bytes after the end"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", [], "no length"),
    ],
)
def test_a_wrong_answer_fails_the_run(
    programs: Programs, tmp_path: Path, answer: bytes, options: list[str], reason: str
) -> None:
    code, report = load_against(programs, tmp_path, [answer], *options)
    assert code == 1
    assert reason in report["failure"]


def test_a_request_rate_that_cannot_be_kept_fails_the_run(bench: Bench) -> None:
    slow = chat(stream=True, max_tokens=10, seed=50)
    options = {"connections": 1, "rate": 100, "seconds": 0.3, "tokens": 10}
    with pytest.raises(InvalidError, match="does not keep up"):
        bench.drive(bench.upstream.port, slow, options)


def test_the_mock_engine_streams_the_requested_tokens_at_the_requested_pace(bench: Bench) -> None:
    fast = bench.drive(bench.upstream.port, chat(stream=True, max_tokens=20), {"rounds": 1, "tokens": 20})
    paced = chat(stream=True, max_tokens=20, seed=10)
    slow = bench.drive(bench.upstream.port, paced, {"rounds": 2, "connections": 3, "tokens": 20})
    assert (fast["tokens"], slow["tokens"]) == (20, 120)
    assert slow["seconds"] >= 2 * 20 * 0.010 > fast["seconds"]


def test_the_mock_engine_sends_usage_only_if_requested(bench: Bench) -> None:
    def stream(**fields: Any) -> bytes:
        body = json.dumps(chat(stream=True, max_tokens=1, **fields)).encode()
        with socket.create_connection(("127.0.0.1", bench.upstream.port), timeout=10) as connection:
            head = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
            connection.sendall(head + body)
            answer = b""
            while not answer.endswith(b"0\r\n\r\n"):
                answer += connection.recv(65536)
        return answer

    assert b'"usage"' not in stream()
    assert b'"usage"' in stream(stream_options={"include_usage": True})


def test_a_program_that_does_not_serve_is_invalid_and_its_log_is_shown(programs: Programs) -> None:
    blocked = Bench(programs, choose_cores())
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", blocked.upstream.port))
        with pytest.raises(InvalidError, match="listen: Address already in use"), blocked:
            pass
    assert not blocked.folder.exists()
