"""S3, Amazon's or anybody's: MinIO, Ceph, Garage, the clouds' own.

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

from .backoff import retry_after
from .causes import DownloadError, SourceChangedError, of_status
from .fetch import CONNECT_SECONDS, CONNECTIONS, READ_SECONDS, Body
from .listing import Item, Listing, check_path, wanted

DEFAULT_REGION = "us-east-1"
# What a killed reader loses at most, and all that a connection holds in memory.
CHUNK_BYTES = 256 << 10
# Services that want the bucket in the host's name. Others are at home in networks without wildcard DNS.
_HOST_STYLE = ("amazonaws.com", "amazonaws.com.cn", "aliyuncs.com", "myqcloud.com", "volces.com")
# 403 in S3 is also what a wrong key gets.
_BAD_CREDENTIALS = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
}


class S3Source:
    """All objects under one path of a bucket, with the credentials that boto3 finds, or anonymously."""

    def __init__(self, bucket: str, path: str, endpoint: str | None, region: str | None) -> None:
        self._bucket, self._prefix = bucket, f"{path}/" if path else ""
        self._server = f"The S3 service {endpoint or 'of AWS'}"
        session = boto3.session.Session()
        named = region or os.environ.get("AWS_REGION") or session.region_name or DEFAULT_REGION
        signed = session.get_credentials() is not None
        self._client = session.client(
            "s3", endpoint_url=endpoint, region_name=named, config=_config(endpoint, signed)
        )

    def listing(self) -> Listing:
        """What lies under the path now."""
        with self._errors(f"s3://{self._bucket}/{self._prefix}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix
            )
            objects = {
                entry["Key"][len(self._prefix) :]: entry
                for page in pages
                for entry in page.get("Contents", ())
                # Consoles make empty objects to show folders.
                if not entry["Key"].endswith("/")
            }
        items = tuple(self._item(path, objects[path]) for path in wanted(objects))
        if not items:
            message = f"The bucket {self._bucket} has no objects under {self._prefix or 'its root'}."
            raise DownloadError("WeightsNotFound", message)
        return Listing(items)

    def _item(self, path: str, entry: dict[str, Any]) -> Item:
        # An ETag is the content's MD5 only for some uploads and encryptions: it tells a change, no more.
        return Item(check_path(path, self._bucket), entry["Size"], entry["ETag"].strip('"'))

    @contextmanager
    def open(self, item: Item, offset: int) -> Iterator[Body]:
        """The content from a byte on, of the version that was listed and no other."""
        ask: dict[str, Any] = {"Bucket": self._bucket, "Key": self._prefix + item.path}
        # If-Match, so that a part of an older object is never continued with bytes of a newer one.
        ask["IfMatch"] = f'"{item.version}"'
        if offset:
            ask["Range"] = f"bytes={offset}-"
        with self._errors(item.path):
            answer = self._client.get_object(**ask)
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

    def _of_answer(self, error: ClientError, subject: str) -> DownloadError | SourceChangedError:
        told, meta = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
        status, code = int(meta.get("HTTPStatusCode", 0)), str(told.get("Code", ""))
        if status in (412, 416):
            return SourceChangedError(subject)
        name = "" if code == str(status) else f" {code}"
        text = f"HTTP {status}{name} for {subject}: {told.get('Message', '')}"
        pause = retry_after(meta.get("HTTPHeaders", {}), time.time())
        if code in _BAD_CREDENTIALS:
            status = 401
        elif code == "SlowDown":
            status = 429
        elif status in (301, 307, 400) and told.get("Region"):
            text = f"{text} Set spec.model.region to {told['Region']}."
        return of_status(status, self._server, text, pause)


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
