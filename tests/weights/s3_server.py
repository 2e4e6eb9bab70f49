"""moto's S3 server behind a thin layer that counts, slows down, cuts lines and refuses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import ThreadedWSGIServer, make_server

BUCKET = "models"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
PIECE_BYTES = 16 << 10


@dataclass(frozen=True)
class Asked:
    """One request for an object, and how many bytes of content it got."""

    path: str
    range: str
    sent: int
    signed: bool


class S3Server:
    """`with S3Server() as s3:` serves in a thread; a bucket exists."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.bytes_per_second = 0
        # Each object's first answer ends after so many bytes; 0 for never.
        self.cut_after = 0
        # (status, code) for requests to come, one each.
        self.refusals: list[tuple[int, str]] = []
        self._cut: set[str] = set()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server: ThreadedWSGIServer = make_server("127.0.0.1", 0, self._serve, threaded=True)  # type: ignore[assignment]
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> S3Server:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self._client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="owner",
            aws_secret_access_key="owner",
            config=Config(s3={"addressing_style": "path"}),
        )
        self._forget()
        self._client.create_bucket(Bucket=BUCKET)
        return self

    def __exit__(self, *details: object) -> None:
        self._client.close()
        self._server.shutdown()
        self._server.server_close()

    def _forget(self) -> None:
        # moto keeps one world per process.
        names = [bucket["Name"] for bucket in self._client.list_buckets()["Buckets"]]
        for name in names:
            for entry in self._client.list_objects_v2(Bucket=name).get("Contents", []):
                self._client.delete_object(Bucket=name, Key=entry["Key"])
            self._client.delete_bucket(Bucket=name)

    def put(self, key: str, body: bytes) -> None:
        """Writes an object that everybody may read."""
        self._client.put_object(Bucket=BUCKET, Key=key, Body=body, ACL="public-read")

    def delete(self, key: str) -> None:
        """Removes an object."""
        self._client.delete_object(Bucket=BUCKET, Key=key)

    def sent(self, path: str = "") -> int:
        """Bytes of content sent so far, of all objects whose key ends like this."""
        return sum(asked.sent for asked in list(self.asked) if asked.path.endswith(path))

    def ranges(self, path: str) -> list[str]:
        """The `Range` of each request for an object."""
        return [asked.range for asked in list(self.asked) if asked.path.endswith(path)]

    def _serve(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if method == "GET" and self.refusals:
            status, code = self.refusals.pop(0)
            start_response(f"{status} {code}", [("Content-Type", "application/xml"), ("Retry-After", "1")])
            return [f"<Error><Code>{code}</Code><Message>as the test wants</Message></Error>".encode()]
        answer: Iterable[bytes] = self._moto(environ, start_response)
        if method != "GET" or path.count("/") < 2 or path.endswith("/"):
            return answer
        return self._content(environ, path, b"".join(answer))

    def _content(self, environ: dict[str, Any], path: str, body: bytes) -> Iterator[bytes]:
        sent, end = 0, len(body)
        if path not in self._cut and self.cut_after:
            end = min(end, self.cut_after)
        self._cut.add(path)
        try:
            while sent < end:
                piece = body[sent : min(end, sent + PIECE_BYTES)]
                yield piece
                sent += len(piece)
                if self.bytes_per_second:
                    time.sleep(len(piece) / self.bytes_per_second)
        finally:
            signed = "HTTP_AUTHORIZATION" in environ
            self.asked.append(Asked(path, environ.get("HTTP_RANGE", ""), sent, signed))
        if end < len(body):
            # A short body under a longer Content-Length: the server closes the connection.
            raise ConnectionAbortedError("cut")
