"""S3 of Amazon and of others: MinIO, Ceph, Garage, the clouds' own.

Requests and signatures are boto3's; what it would do beyond one request (retries, whole-file transfers) is
done by `fetch`, where a broken transfer can be continued.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
)
from urllib3.exceptions import HTTPError

from .answers import beginning, bounded, check_xml
from .backoff import retry_after
from .bounds import (
    MAX_EMPTY_PAGES,
    MAX_ERROR_BYTES,
    MAX_LISTING_SECONDS,
    MAX_PAGE_BYTES,
)
from .causes import DownloadError, SourceChangedError, of_status
from .fetch import CONNECT_SECONDS, CONNECTIONS, READ_SECONDS, Body
from .listing import Item, Listing, check_number, checked, select_paths

DEFAULT_REGION = "us-east-1"
# What a killed reader loses at most, and all that a connection holds in memory.
CHUNK_BYTES = 256 << 10
_REDIRECTS = (301, 302, 307, 308)
# Services that need the bucket in the host's name. Others often run in networks without wildcard DNS.
_HOST_STYLE = ("amazonaws.com", "amazonaws.com.cn", "aliyuncs.com", "myqcloud.com", "volces.com")
# In S3 a wrong key gets a 403 too.
_BAD_CREDENTIALS = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
}


class S3Source:
    """All objects under one path of a bucket, or one GGUF file there with what belongs to it.

    With the credentials that boto3 finds, or anonymously.
    """

    def __init__(
        self, bucket: str, path: str, endpoint: str | None, region: str | None, file: str = ""
    ) -> None:
        self._bucket, self._prefix = bucket, f"{path}/" if path else ""
        self._file = file
        self._server = f"The S3 service {endpoint or 'of AWS'}"
        session = boto3.session.Session()
        named = region or os.environ.get("AWS_REGION") or session.region_name or DEFAULT_REGION
        signed = session.get_credentials() is not None
        self._client = session.client(
            "s3", endpoint_url=endpoint, region_name=named, config=_config(endpoint, signed)
        )
        # botocore has no setting for the size of an answer, and events come too late or too early.
        sender = self._client._endpoint
        sender.http_session = _BoundedSession(sender.http_session, self._server)

    def listing(self) -> Listing:
        """The objects under the path."""
        objects: dict[str, Item] = {}
        with self._errors(f"s3://{self._bucket}/{self._prefix}"):
            for number, entry in enumerate(self._entries(), start=1):
                check_number(number, self._server)
                # Consoles make empty objects to show folders.
                if not entry["Key"].endswith("/"):
                    item = self._item(entry)
                    objects[item.path] = item
        source = f"s3://{self._bucket}/{self._prefix}".rstrip("/")
        items = [objects[path] for path in select_paths(objects, source, self._file)]
        if not items:
            message = f"The bucket {self._bucket} has no objects under {self._prefix or 'its root'}."
            raise DownloadError("WeightsNotFound", message)
        return checked(items, self._server)

    def _entries(self) -> Iterator[dict[str, Any]]:
        began, empty = time.monotonic(), 0
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix
        )
        for page in pages:
            entries = page.get("Contents", ())
            yield from entries
            empty += not entries
            if empty > MAX_EMPTY_PAGES or time.monotonic() - began > MAX_LISTING_SECONDS:
                message = f"{self._server} lists the bucket {self._bucket} without an end."
                raise DownloadError("WeightsUnavailable", message)

    def _item(self, entry: dict[str, Any]) -> Item:
        key = entry["Key"]
        if not key.startswith(self._prefix):
            raise DownloadError(
                "WeightsCorrupt", f"{self._server} lists {key!r:.200}, which was not requested."
            )
        # An ETag is the content's MD5 only for some uploads and encryptions: it only shows a change.
        return Item(key[len(self._prefix) :], entry["Size"], entry["ETag"].strip('"'))

    @contextmanager
    def open(self, item: Item, offset: int) -> Iterator[Body]:
        """The content from a byte on, of the version that was listed and no other."""
        request: dict[str, Any] = {"Bucket": self._bucket, "Key": self._prefix + item.path}
        # If-Match, so that a part of an older object is never continued with bytes of a newer one.
        request["IfMatch"] = f'"{item.version}"'
        if offset:
            request["Range"] = f"bytes={offset}-"
        with self._errors(item.path):
            answer = self._client.get_object(**request)
            body = answer["Body"]
            try:
                start = offset if answer["ResponseMetadata"]["HTTPStatusCode"] == 206 else 0
                yield Body(start, body.iter_chunks(CHUNK_BYTES))
            finally:
                body.close()

    @contextmanager
    def _errors(self, subject: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._of_answer(error, subject) from error
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise DownloadError(
                "WeightsUnauthorized", f"{self._server} needs credentials: {error}"
            ) from error
        except BotoCoreError as error:
            transient = isinstance(error, HTTPClientError | IncompleteReadError)
            message = f"{self._server} cannot be used: {error}"
            raise DownloadError("WeightsUnavailable", message, transient=transient) from error
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            message = f"{self._server} does not answer as S3 does: {type(error).__name__}: {error}"
            raise DownloadError("WeightsUnavailable", message) from error

    def _of_answer(self, error: ClientError, subject: str) -> DownloadError | SourceChangedError:
        fault, meta = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
        status, code = int(meta.get("HTTPStatusCode", 0)), str(fault.get("Code", ""))
        if status in (412, 416):
            return SourceChangedError(subject)
        name = "" if code == str(status) else f" {code}"
        text = f"HTTP {status}{name} for {subject}: {fault.get('Message', '')}"
        pause = retry_after(meta.get("HTTPHeaders", {}), time.time())
        if code in _BAD_CREDENTIALS:
            status = 401
        elif code == "SlowDown":
            status = 429
        elif status in (301, 307, 400) and fault.get("Region"):
            text = f"{text} Set spec.model.region to {fault['Region']}."
        return of_status(status, self._server, text, pause)


class _BoundedSession:
    """botocore's HTTP session, with a bound on the answers that are read as a whole: all but objects."""

    def __init__(self, session: Any, server: str) -> None:
        self._session, self._server = session, server

    def send(self, request: Any) -> Any:
        """Sends a request. Raises what botocore's session raises, ValueError and DownloadError."""
        is_object = request.stream_output
        # Else botocore would read the body, however long it is.
        request.stream_output = True
        response = self._session.send(request)
        if response.status_code < 300 and is_object:
            return response
        region = response.headers.get("x-amz-bucket-region")
        if request.method == "HEAD" and response.status_code in _REDIRECTS and not region:
            # botocore queries a redirecting bucket for its region, and would repeat that without end.
            message = f"{self._server} redirects without naming a region. Set spec.model.region or endpoint."
            raise DownloadError("WeightsUnavailable", message)
        try:
            response.raw = _Body(self._read(response))
        except HTTPError as error:
            raise HTTPClientError(error=error) from error
        return response

    def _read(self, response: Any) -> bytes:
        body = response.raw
        try:
            if response.status_code < 300:
                page = b"".join(bounded(body.stream(), MAX_PAGE_BYTES, self._server))
                check_xml(page)
                return page
            error = b"".join(beginning(body.stream(), MAX_ERROR_BYTES))
        finally:
            # The connection is used again only if nothing is left to read.
            body.close()
        try:
            check_xml(error)
        except ValueError:
            # The status is enough.
            return b""
        return error

    def close(self) -> None:
        """Closes all connections."""
        self._session.close()


class _Body:
    """A response's body that has been read, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        """The whole body."""
        yield self._content


def _config(endpoint: str | None, signed: bool) -> Config:
    host = urlsplit(endpoint).hostname or "" if endpoint else ""
    by_host = not endpoint or any(host == name or host.endswith(f".{name}") for name in _HOST_STYLE)
    return Config(
        signature_version=None if signed else UNSIGNED,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": 1},
        max_pool_connections=CONNECTIONS + 1,
        s3={"addressing_style": "virtual" if by_host else "path"},
        # Checksums newer than the protocol's core, on which other services fail.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent_extra="fairlead",
    )
