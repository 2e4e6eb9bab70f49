"""A stand-in for the Hugging Face Hub: `python -m tests.support.hub FOLDER --port N`, or this one file alone.

No hub is within reach of the tests. This is a real HTTP server with the hub's own addresses, headers,
redirects and errors, as far as a download of a model sees them; it can also be slow, full of requests, or cut
a line.

FOLDER/ORG/NAME/* is the repository ORG/NAME at `main`, FOLDER/ORG/NAME@REV/* the same at another revision.
Only the standard library, and no import from here: it also runs in a pod, as one file in a ConfigMap.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

# What the hub keeps outside of git, and sends from another host.
LARGE_BYTES = 64 << 10
PIECE_BYTES = 16 << 10


@dataclass
class Behaviour:
    """How the hub behaves; changed by tests while it runs. Counts go down with each request they spoil."""

    token: str = ""
    private: Collection[str] = ()
    gated: Collection[str] = ()
    # The gated repositories whose licence the token's account has accepted.
    granted: Collection[str] = ()
    rate_limited: int = 0
    retry_after: str = "1"
    failing: int = 0
    # Each content's first answer ends after so many bytes; 0 for never.
    cut_after: int = 0
    bytes_per_second: int = 0
    ignore_ranges: bool = False
    names_only: bool = False
    corrupt: int = 0


@dataclass(frozen=True)
class Asked:
    """One request, when it ended (`time.monotonic`), and how many bytes of content it got."""

    at: float
    method: str
    path: str
    offset: int
    sent: int
    authorization: str


class Hub(ThreadingHTTPServer):
    """The server; `with Hub(folder) as hub:` serves in a thread."""

    daemon_threads = True

    def __init__(self, folder: Path, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), _Handler)
        self.folder, self.behaviour = folder, Behaviour()
        self.asked: list[Asked] = []
        self._guard = threading.Lock()
        self._cut: set[str] = set()

    def __enter__(self) -> Hub:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *details: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        """For spec.model.endpoint or HF_ENDPOINT."""
        return f"http://127.0.0.1:{self.server_port}"

    def note(self, asked: Asked) -> None:
        """Remembers a request."""
        with self._guard:
            self.asked.append(asked)

    def sent(self, path: str = "") -> int:
        """Bytes of content sent so far, of all addresses that end like this."""
        with self._guard:
            return sum(asked.sent for asked in self.asked if asked.path.endswith(path))

    def listings(self) -> int:
        """How often the list of files was asked for."""
        with self._guard:
            return sum(asked.path.startswith("/api/models/") for asked in self.asked)

    def take(self, name: str) -> bool:
        """Whether a count of the behaviour applies to this request."""
        with self._guard:
            left: int = getattr(self.behaviour, name)
            setattr(self.behaviour, name, max(0, left - 1))
            return left > 0

    def is_cut(self, content: str) -> bool:
        """Whether this is the first time that a content is sent, and is to be cut."""
        with self._guard:
            first = content not in self._cut
            self._cut.add(content)
            return first and self.behaviour.cut_after > 0

    def repository(self, name: str, revision: str) -> Path | None:
        """The folder of a repository at a revision; None if there is none."""
        base = self.folder / name
        if revision == "main":
            return base if base.is_dir() else None
        for folder in (base, *base.parent.glob(f"{base.name}@*")):
            if folder.is_dir() and revision in (folder.name.partition("@")[2], commit_of(folder)):
                return folder
        return None


def files_of(folder: Path) -> dict[str, Path]:
    """All files by their name in the repository."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in paths}


def sha256_of(path: Path) -> str:
    """Of a large file, as the hub names it."""
    return _digest(path, path.stat().st_mtime_ns, "sha256")


def blob_of(path: Path) -> str:
    """Git's name of a content."""
    return _digest(path, path.stat().st_mtime_ns, "sha1", b"blob %d\0" % path.stat().st_size)


@lru_cache(maxsize=1000)
def _digest(path: Path, changed: int, algorithm: str, head: bytes = b"") -> str:
    digest = hashlib.new(algorithm, head, usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def commit_of(folder: Path) -> str:
    """Changes with any file."""
    entries = [[name, sha256_of(path)] for name, path in files_of(folder).items()]
    return hashlib.sha1(json.dumps(entries).encode(), usedforsecurity=False).hexdigest()


def is_large(path: Path) -> bool:
    """Whether the hub keeps it outside of git."""
    return path.stat().st_size >= LARGE_BYTES


def _sibling(file: str, found: Path) -> dict[str, Any]:
    size = found.stat().st_size
    entry: dict[str, Any] = {"rfilename": file, "size": size, "blobId": blob_of(found)}
    return entry | (
        {"lfs": {"sha256": sha256_of(found), "size": size, "pointerSize": 134}} if is_large(found) else {}
    )


def _tree_entry(file: str, found: Path) -> dict[str, Any]:
    size = found.stat().st_size
    entry: dict[str, Any] = {"type": "file", "path": file, "size": size, "oid": blob_of(found)}
    large = {"lfs": {"oid": sha256_of(found), "size": size, "pointerSize": 134}}
    return entry | (large if is_large(found) else {})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *args: Any) -> None:
        """Tests read `asked`; a pod's log would only repeat it."""

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        parts = path.strip("/").split("/")
        behaviour = self.server.behaviour
        if parts[0] == "cdn":
            found = self.server.folder.joinpath(*parts[2:])
            return self._content(path, found, {"ETag": f'"{parts[1]}"'})
        if self.server.take("rate_limited"):
            headers = {"Retry-After": behaviour.retry_after} if behaviour.retry_after else {}
            return self._error(429, "TooManyRequests", "We had to rate limit you.", headers)
        if self.server.take("failing"):
            return self._error(503, "Unavailable", "Down for maintenance.")
        if parts[:2] == ["api", "models"] and len(parts) >= 4:
            revision = "/".join(parts[5:]) or "main"
            return self._in_repository("/".join(parts[2:4]), revision, "", path)
        if len(parts) > 4 and parts[2] == "resolve":
            return self._in_repository("/".join(parts[:2]), parts[3], "/".join(parts[4:]), path)
        return self._error(404, "NotFound", "No such address.")

    def _in_repository(self, name: str, revision: str, file: str, path: str) -> None:
        behaviour = self.server.behaviour
        given = self.headers.get("Authorization", "")
        known = bool(behaviour.token) and given == f"Bearer {behaviour.token}"
        if given and not known:
            return self._error(401, "", "Invalid credentials in Authorization header")
        exists = (self.server.folder / name).is_dir()
        if not known and (name in behaviour.private or not exists):
            # The hub does not show to unauthenticated clients whether something exists.
            return self._error(401, "RepoNotFound", "Repository not found")
        if not exists:
            return self._error(404, "RepoNotFound", "Repository not found")
        folder = self.server.repository(name, revision)
        if folder is None:
            return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        if not file:
            return self._listing(name, folder, path)
        if name in behaviour.gated and not (known and name in behaviour.granted):
            return self._error(403 if known else 401, "GatedRepo", f"Access to model {name} is restricted.")
        return self._file(folder, file, path)

    def _listing(self, name: str, folder: Path, path: str) -> None:
        files = files_of(folder)
        self._note(path, 0, 0)
        if path.split("/")[5:6] == ["tree"]:
            return self._send_json([_tree_entry(file, found) for file, found in files.items()])
        detailed = "blobs=" in self.path and not self.server.behaviour.names_only
        siblings = [
            _sibling(file, found) if detailed else {"rfilename": file} for file, found in files.items()
        ]
        return self._send_json({"id": name, "modelId": name, "sha": commit_of(folder), "siblings": siblings})

    def _send_json(self, document: Any) -> None:
        self._send(200, {"Content-Type": "application/json"}, json.dumps(document).encode())

    def _file(self, folder: Path, file: str, path: str) -> None:
        found = files_of(folder).get(file)
        commit = {"X-Repo-Commit": commit_of(folder)}
        if found is None:
            return self._error(404, "EntryNotFound", "Entry not found", commit)
        if not is_large(found):
            return self._content(path, found, commit | {"ETag": f'"{blob_of(found)}"'})
        digest = sha256_of(found)
        # Another host name, as the hub's own storage has: no token may go there.
        host = self.headers["Host"].replace("127.0.0.1", "localhost")
        place = f"http://{host}/cdn/{digest}/{found.relative_to(self.server.folder)}"
        linked = {"X-Linked-Size": str(found.stat().st_size), "X-Linked-ETag": f'"{digest}"'}
        self._note(path, 0, 0)
        return self._send(302, commit | linked | {"Location": place}, b"")

    def _content(self, path: str, found: Path, headers: Mapping[str, str]) -> None:
        behaviour, size = self.server.behaviour, found.stat().st_size
        asked = self.headers.get("Range", "")
        offset = 0
        if asked.startswith("bytes=") and not behaviour.ignore_ranges:
            offset = int(asked.removeprefix("bytes=").split("-")[0])
        if offset and offset >= size:
            return self._error(416, "", "Range not satisfiable")
        self.send_response(206 if offset else 200)
        ranged = {"Content-Range": f"bytes {offset}-{size - 1}/{size}"} if offset else {}
        self._headers({**headers, **ranged, "Content-Length": str(size - offset), "Accept-Ranges": "bytes"})
        if self.command == "HEAD":
            return self._note(path, offset, 0)
        end = size
        if self.server.is_cut(path):
            end = min(size, offset + behaviour.cut_after)
            self.close_connection = True
        sent = 0
        try:
            for piece in _pieces(found, offset, end, self.server.take("corrupt")):
                self.wfile.write(piece)
                sent += len(piece)
                if behaviour.bytes_per_second:
                    time.sleep(len(piece) / behaviour.bytes_per_second)
        except OSError:
            self.close_connection = True
        finally:
            self._note(path, offset, sent)

    def _error(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        self._note(urlsplit(self.path).path, 0, 0)
        sent = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {}), **(headers or {})}
        self._send(status, sent, json.dumps({"error": message}).encode())

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        self._headers({**headers, "Content-Length": str(len(body))})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _headers(self, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _note(self, path: str, offset: int, sent: int) -> None:
        authorization = self.headers.get("Authorization", "")
        self.server.note(Asked(time.monotonic(), self.command, path, offset, sent, authorization))


def _pieces(found: Path, offset: int, end: int, corrupt: bool) -> Iterable[bytes]:
    with found.open("rb") as file:
        file.seek(offset)
        while offset < end and (piece := file.read(min(PIECE_BYTES, end - offset))):
            offset += len(piece)
            yield bytes(len(piece)) if corrupt else piece


def main() -> None:
    """Command line: every behaviour of the first kinds is an option."""
    parser = argparse.ArgumentParser(description="A stand-in for the Hugging Face Hub.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--port", type=int, default=8080)
    behaviour = Behaviour()
    for name in ("token", "retry_after"):
        parser.add_argument(f"--{name.replace('_', '-')}", default=getattr(behaviour, name))
    for name in ("private", "gated", "granted"):
        parser.add_argument(f"--{name}", action="append", default=[], metavar="ORG/NAME")
    for name in ("rate_limited", "failing", "cut_after", "bytes_per_second"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=0, metavar="N")
    options = vars(parser.parse_args())
    hub = Hub(options.pop("folder"), options.pop("host"), options.pop("port"))
    hub.behaviour = replace(behaviour, **options)
    hub.serve_forever()


if __name__ == "__main__":
    main()
