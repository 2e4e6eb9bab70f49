"""Moves contents from a source into the cache, several at a time, each on from where it stopped.

huggingface_hub and boto3 fetch a file that broke off from its first byte again and keep nothing of it, which
with a checkpoint of 40 GB and an unlucky node never ends. So bytes are moved here, for both alike, and the
two libraries do what they know best: listings, addresses, signatures, errors.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from .backoff import next_wait
from .causes import DownloadError
from .listing import Item, Listing
from .reporter import Reporter
from .store import Digest, part_of, size_of

# As many as huggingface_hub's own default: one connection does not fill a data centre's line.
CONNECTIONS = 8
# What a stopped reader loses at most, and all that each connection holds in memory.
CHUNK_BYTES = 1 << 20
CONNECT_SECONDS = 10
# Silence after which a connection is taken for dead.
READ_SECONDS = 30

T = TypeVar("T")


@dataclass(frozen=True)
class Body:
    """Content from `start` on: where it was asked for, or 0 if the server sends only whole files."""

    start: int
    chunks: Iterator[bytes]


class Source(Protocol):
    """What holds the weights. Raises DownloadError, or SourceChangedError."""

    def listing(self) -> Listing:
        """What it has now."""

    def open(self, item: Item, offset: int) -> AbstractContextManager[Body]:
        """The content from a byte on."""


class _StoppedError(Exception):
    """Another thread has failed for good."""


class Effort:
    """How long one thing has been tried in vain."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._since = time.monotonic()
        self._failures = 0
        self._best = 0

    def reach(self, position: int) -> None:
        """Only what was never reached before counts: a server that starts anew each time is given up."""
        if position > self._best:
            self._best, self._failures, self._since = position, 0, time.monotonic()

    def wait_after(self, failure: DownloadError) -> float | None:
        """Seconds until the next try; None to give up."""
        if not failure.transient:
            return None
        self._failures += 1
        idle = time.monotonic() - self._since
        return next_wait(self._failures, failure.retry_after, idle, self._patience, random.random())  # noqa: S311


class Fetcher:
    """Fetches the contents of one job."""

    def __init__(self, source: Source, job: str, reporter: Reporter, patience: float) -> None:
        self._source, self._job, self._reporter, self._patience = source, job, reporter, patience
        self._stop = threading.Event()
        self._not_before = 0.0
        self._spoilt: set[Path] = set()

    def listing(self, patience: float) -> Listing:
        """What the source has now. Raises DownloadError."""
        return self._persist(self._source.listing, Effort(patience))

    def fetch(self, absent: Mapping[Path, Item]) -> None:
        """Returns when all contents are in place. Raises DownloadError, SourceChangedError or OSError."""
        pool = ThreadPoolExecutor(max_workers=CONNECTIONS, thread_name_prefix="fetch")
        try:
            # The largest first: else it would be the last one, alone on one connection.
            ordered = sorted(absent.items(), key=lambda pair: -pair[1].size)
            futures = [pool.submit(self._fetch_one, blob, item) for blob, item in ordered]
            finished, _ = wait(futures, return_when=FIRST_EXCEPTION)
            errors = [error for future in finished if (error := future.exception())]
            # The others stop because of the one that did not.
            for error in sorted(errors, key=lambda error: isinstance(error, _StoppedError)):
                raise error
        finally:
            self._stop.set()
            pool.shutdown(wait=False, cancel_futures=True)

    def _fetch_one(self, blob: Path, item: Item) -> None:
        blob.parent.mkdir(parents=True, exist_ok=True)
        effort = Effort(self._patience)
        self._persist(lambda: self._attempt(blob, item, effort), effort)

    def _persist(self, action: Callable[[], T], effort: Effort) -> T:
        while True:
            self._sleep(self._not_before - time.monotonic())
            try:
                return action()
            except DownloadError as failure:
                seconds = effort.wait_after(failure)
                if seconds is None:
                    self._stop.set()
                    raise
                if failure.retry_after is not None:
                    # The server means all of us.
                    self._not_before = time.monotonic() + seconds
                self._reporter.trouble(failure.cause, seconds)
                self._sleep(seconds)

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(max(0.0, seconds)):
            raise _StoppedError

    def _attempt(self, blob: Path, item: Item, effort: Effort) -> None:
        part = part_of(blob)
        digest = Digest(item)
        digest.take_in(part)
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            position = os.lseek(descriptor, 0, os.SEEK_END)
            if position < item.size:
                position, digest = self._receive(descriptor, position, item, digest, effort)
            if position != item.size or not digest.matches:
                self._discard(part, position, item)
            # Else a node that loses its power could keep the name of a file without its content.
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _put_in_place(part, blob, item)

    def _receive(
        self, descriptor: int, position: int, item: Item, digest: Digest, effort: Effort
    ) -> tuple[int, Digest]:
        """Writes what comes from `position` on, and returns where the content ends now."""
        with self._source.open(item, position) as body:
            if body.start != position:
                self._reporter.advance(self._job, body.start - position)
                position, digest = body.start, Digest(item)
                os.ftruncate(descriptor, position)
            os.lseek(descriptor, position, os.SEEK_SET)
            for chunk in body.chunks:
                if self._stop.is_set():
                    raise _StoppedError
                _write_all(descriptor, chunk)
                digest.update(chunk)
                position += len(chunk)
                self._reporter.advance(self._job, len(chunk))
                effort.reach(position)
                if position > item.size:
                    break
        if position < item.size:
            raise DownloadError(
                "WeightsUnavailable",
                f"The connection ended after {position} of {item.size} bytes of {item.path}.",
                transient=True,
            )
        return position, digest

    def _discard(self, part: Path, position: int, item: Item) -> None:
        part.unlink(missing_ok=True)
        self._reporter.advance(self._job, -position)
        again = part not in self._spoilt
        self._spoilt.add(part)
        raise DownloadError(
            "WeightsCorrupt",
            f"What arrived as {item.path} is not what the source's listing told (size or digest differ).",
            transient=again,
        )


def _put_in_place(part: Path, blob: Path, item: Item) -> None:
    try:
        os.replace(part, blob)
    except FileNotFoundError:
        # On a disk without locks somebody else may have finished the very same content.
        if size_of(blob) != item.size:
            message = f"{part.name} vanished from the cache during the download."
            raise DownloadError("WeightsUnavailable", message, transient=True) from None


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
