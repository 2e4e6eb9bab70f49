"""Moves contents from a source into the cache, several at a time, each continued from where it stopped.

huggingface_hub and boto3 fetch a broken file again from its first byte, which never ends with a checkpoint of
40 GB and an unreliable node. So this module moves the bytes of both, and the two libraries do the rest:
listings, addresses, signatures, errors.
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
from .files import size_of
from .listing import Item, Listing
from .reporter import Reporter
from .store import Digest, part_of

# As many as huggingface_hub's own default: one connection does not fill a data centre's line.
CONNECTIONS = 8
CONNECT_SECONDS = 10
# Silence after which a connection counts as dead.
READ_SECONDS = 30

T = TypeVar("T")


@dataclass(frozen=True)
class Body:
    """Content from `start` on: the requested position, or 0 if the server sends only whole files."""

    start: int
    chunks: Iterator[bytes]


class WeightSource(Protocol):
    """The source of the weights. Its methods raise DownloadError or SourceChangedError."""

    def listing(self) -> Listing:
        """Its present files."""

    def open(self, item: Item, offset: int) -> AbstractContextManager[Body]:
        """The content from a byte on."""


class _StoppedError(Exception):
    """Another thread has failed for good."""


class Effort:
    """How long one content has failed."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._since = time.monotonic()
        self._failures = 0
        self._best = 0

    def reach(self, position: int) -> None:
        """Only bytes beyond the furthest position count: a server that starts from the beginning each time is
        given up."""
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
    """Fetches the contents of one job. `check` is the layout's: it refuses paths out of the cache."""

    def __init__(
        self,
        source: WeightSource,
        job: str,
        reporter: Reporter,
        patience: float,
        check: Callable[[Path], Path],
    ) -> None:
        self._source, self._job, self._reporter, self._patience = source, job, reporter, patience
        self._check = check
        self._stop = threading.Event()
        self._not_before = 0.0

    def listing(self, patience: float) -> Listing:
        """The files that the source has now. Raises DownloadError."""
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
        self._check(blob).parent.mkdir(parents=True, exist_ok=True)
        transfer = _Transfer(blob, item, Effort(self._patience))
        self._persist(lambda: self._attempt(transfer), transfer.effort)

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
                    # The server's pause applies to all connections.
                    self._not_before = time.monotonic() + seconds
                self._reporter.trouble(failure.cause, seconds)
                self._sleep(seconds)

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(max(0.0, seconds)):
            raise _StoppedError

    def _attempt(self, transfer: _Transfer) -> None:
        self._check(transfer.blob)
        descriptor = os.open(transfer.part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            transfer.take_in(descriptor, os.lseek(descriptor, 0, os.SEEK_END))
            if transfer.position < transfer.item.size:
                self._receive(descriptor, transfer)
            if not transfer.is_right:
                self._discard(transfer)
            # Else a node that loses its power could keep the name of a file without its content.
            os.fsync(descriptor)
            _put_in_place(descriptor, transfer)
        finally:
            os.close(descriptor)

    def _receive(self, descriptor: int, transfer: _Transfer) -> None:
        """Writes what comes, until the content is whole. Raises DownloadError if it ends before."""
        item = transfer.item
        with self._source.open(item, transfer.position) as body:
            if body.start != transfer.position:
                self._reporter.advance(self._job, body.start - transfer.position)
                transfer.restart()
            os.lseek(descriptor, transfer.position, os.SEEK_SET)
            for chunk in body.chunks:
                if self._stop.is_set():
                    raise _StoppedError
                _write_all(descriptor, chunk)
                transfer.add(chunk)
                self._reporter.advance(self._job, len(chunk))
                if transfer.position > item.size:
                    break
        if transfer.position < item.size:
            raise DownloadError(
                "WeightsUnavailable",
                f"The connection ended after {transfer.position} of {item.size} bytes of {item.path}.",
                transient=True,
            )

    def _discard(self, transfer: _Transfer) -> None:
        transfer.part.unlink(missing_ok=True)
        self._reporter.advance(self._job, -min(transfer.position, transfer.item.size))
        again, transfer.spoilt = not transfer.spoilt, True
        raise DownloadError(
            "WeightsCorrupt",
            f"{transfer.item.path} arrived with another size or digest than in the source's listing.",
            transient=again,
        )


class _Transfer:
    """One content on its way. The digest is computed on the way, so a connection that breaks often needs no
    second read."""

    def __init__(self, blob: Path, item: Item, effort: Effort) -> None:
        self.blob, self.part, self.item, self.effort = blob, part_of(blob), item, effort
        self.position = 0
        self.spoilt = False
        self._digest = Digest(item)

    def take_in(self, descriptor: int, size: int) -> None:
        """Begins with the part on the disk, for example that of a former run."""
        if size != self.position:
            self._digest = Digest(self.item)
            self._digest.take_in(descriptor, size)
            self.position = size

    def restart(self) -> None:
        """Begins with the first byte."""
        self.position, self._digest = 0, Digest(self.item)

    def add(self, chunk: bytes) -> None:
        """Goes on by what was written."""
        self._digest.update(chunk)
        self.position += len(chunk)
        self.effort.reach(self.position)

    @property
    def is_right(self) -> bool:
        """Whether all bytes are there and the source's own."""
        return self.position == self.item.size and self._digest.matches


def _put_in_place(descriptor: int, transfer: _Transfer) -> None:
    """Gives the content its name. On a disk without locks, another pod may have taken the part."""
    mine = os.fstat(descriptor)
    try:
        named = transfer.part.lstat()
        if (named.st_ino, named.st_dev) == (mine.st_ino, mine.st_dev):
            os.replace(transfer.part, transfer.blob)
            return
    except FileNotFoundError:
        pass
    if size_of(transfer.blob) != transfer.item.size:
        message = f"{transfer.part.name} was taken from the cache during the download."
        raise DownloadError("WeightsUnavailable", message, transient=True)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
