"""A server that answers what the test says: a hub or an object store that cannot be trusted."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee00" * 5
PIECE = bytes(64 << 10)


@dataclass(frozen=True)
class Request:
    """What a client asked for. `path` is decoded and without a query; `headers` have lower-case names."""

    method: str
    host: str
    path: str
    query: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """An answer. A body that is not bytes is sent piece by piece until the client has enough."""

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[Request], Reply]


class HostileServer(ThreadingHTTPServer):
    """`with HostileServer(answer) as server:` serves in a thread."""

    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[Request] = []
        self.sent = 0
        """Bytes of all bodies."""

    def __enter__(self) -> HostileServer:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *details: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        """For spec.model.endpoint."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def other_url(self) -> str:
        """The same server as another host."""
        return f"http://localhost:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HostileServer

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(
            self.command, headers.get("host", ""), unquote(address.path), address.query, headers
        )
        self.server.asked.append(request)
        reply = self.server.answer(request)
        whole = isinstance(reply.body, bytes)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if isinstance(reply.body, bytes) and "Content-Length" not in reply.headers:
            self.send_header("Content-Length", str(len(reply.body)))
        if not whole:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command == "HEAD":
            return
        with suppress(OSError):
            for piece in [reply.body] if isinstance(reply.body, bytes) else reply.body:
                self.wfile.write(piece)
                self.server.sent += len(piece)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *args: Any) -> None:
        """Tests read `asked`."""


def endless(piece: bytes = PIECE) -> Iterator[bytes]:
    """A body without an end."""
    while True:
        yield piece


def git_digest(content: bytes) -> str:
    """Git's name of a content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def file_of(path: Any, content: bytes = b"{}", **other: Any) -> dict[str, Any]:
    """A file in a hub's list; `other` replaces or adds fields."""
    return {"rfilename": path, "size": len(content), "blobId": git_digest(content)} | other


def large_file(path: str, content: bytes, **other: Any) -> dict[str, Any]:
    """A file that is kept outside of git."""
    digest = hashlib.sha256(content).hexdigest()
    return {"rfilename": path, "lfs": {"sha256": digest, "size": len(content), "pointerSize": 1} | other}


def hub(*files: Any, content: bytes = b"{}", **other: Any) -> Answer:
    """A hub whose repositories have these files, all of one content; `other` goes into its list."""
    listing = json.dumps({"id": "acme/tiny", "sha": COMMIT, "siblings": list(files)} | other).encode()

    def answer(request: Request) -> Reply:
        return Reply(listing if request.path.startswith("/api/") else content)

    return answer


def page(*entries: str, more: str = "") -> Reply:
    """A page of an object store's list."""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><IsTruncated>'
        f"{'true' if more else 'false'}</IsTruncated>{''.join(entries)}"
        f"{f'<NextContinuationToken>{more}</NextContinuationToken>' if more else ''}</ListBucketResult>"
    )
    return Reply(text.encode(), headers={"Content-Type": "application/xml"})


def object_of(key: str, size: object = 2, etag: str = "e0") -> str:
    """An object in such a page."""
    return f"<Contents><Key>{key}</Key><Size>{size}</Size><ETag>&quot;{etag}&quot;</ETag></Contents>"
