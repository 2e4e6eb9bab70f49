"""One download per shared cache: further pods wait, and see the progress of the first one.

The lock is the kernel's (flock), so it ends with its holder; network file systems pass it between nodes.
Where a disk has no locks, or grants them to everyone, downloads only cost twice the traffic: contents are
written by offset under names that carry their version.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .bounds import MAX_PROGRESS_BYTES, MAX_RECORD_BYTES
from .causes import DownloadError, of_os_error
from .files import inside, read_small
from .listing import Record, record_from
from .reporter import Reporter, log
from .store import owner_of

POLL_SECONDS = 0.5
_BUSY = {errno.EAGAIN, errno.EACCES}
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


class CacheLock:
    """The right to write one source into the cache. `folder` also has its holder's progress, and records."""

    def __init__(self, cache: Path, key: str) -> None:
        self._cache = cache
        self._folder = cache / ".fairlead"
        self._path = self._folder / f"{key}.lock"
        self._descriptor: int | None = None
        self.progress = self._folder / f"{key}.progress.json"
        self.record = self._folder / f"{key}.json"

    def acquire(self, reporter: Reporter) -> None:
        """Waits while another pod has the lock. Raises DownloadError if the cache cannot be written."""
        inside(self._folder, self._path)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise of_os_error(error, str(self._cache), owner_of(self._folder)) from error
        self._descriptor = descriptor
        while not _try_lock(descriptor):
            reporter.waiting(read_document(self.progress, MAX_PROGRESS_BYTES))
            time.sleep(POLL_SECONDS)

    def read_record(self) -> Record | None:
        """The record of the last finished download; None if there is no valid one."""
        try:
            inside(self._folder, self.record)
            return record_from(read_document(self.record, MAX_RECORD_BYTES))
        except (KeyError, TypeError, ValueError, AttributeError, DownloadError):
            return None

    def release(self) -> None:
        """Releases the lock. May be called more than once."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def held(self) -> bool:
        """Whether this process may write."""
        return self._descriptor is not None


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        if error.errno not in _NO_LOCKS:
            raise
        log(f"this disk has no locks ({error.strerror}): pods that share it may download the same twice")
    return True


def read_document(path: Path, limit: int) -> Mapping[str, Any]:
    """A JSON object of at most so many bytes from the cache, or {} if there is none."""
    content = read_small(path, limit)
    try:
        document = json.loads(content) if content else None
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


@contextmanager
def released_at_the_end(locks: list[CacheLock]) -> Iterator[None]:
    """Releases all locks however the block ends."""
    try:
        yield
    finally:
        for lock in locks:
            lock.release()
