"""One run of the downloader: lock, list, fetch, link, for all jobs of a pod."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from .causes import DownloadError, SourceChangedError, disk_full, human, of_os_error
from .fetch import Fetcher, WeightSource
from .files import replace_file, replace_link
from .jobs import Job, Order
from .listing import Listing, Record
from .locks import CacheLock, released_at_the_end
from .reporter import Reporter, log
from .store import (
    HubLayout,
    Layout,
    S3Layout,
    bytes_to_come,
    contents,
    free_bytes,
    is_complete,
    link_all,
    missing,
    owner_of,
)

DEFAULT_REVISION = "main"
# Where a complete copy is at hand, an engine should not wait long for a hub that is down.
PATIENCE_WITH_COPY_SECONDS = 30.0
# A source that is written to all the time will not stand still for a download.
LISTINGS = 5

Connect = Callable[[Job], WeightSource]


def layout_of(job: Job, cache: Path) -> Layout:
    """Where the files of a job lie."""
    if job.repository:
        return HubLayout(cache, job.repository, job.revision or DEFAULT_REVISION)
    return S3Layout(cache, *job.bucket, job.file)


class Task:
    """One job on its way."""

    def __init__(self, job: Job, order: Order, connect: Connect, reporter: Reporter) -> None:
        cache = Path(order.cache)
        self.job, self._order, self._connect, self._reporter = job, order, connect, reporter
        self.layout = layout_of(job, cache)
        self.lock = CacheLock(cache, job.key)
        self.listing = Listing(())
        self._unwritable: DownloadError | None = None
        self._source: WeightSource | None = None

    def prepare(self) -> None:
        """Gets the lock and finds out what is to be fetched. Raises DownloadError."""
        before = self._record()
        if before and self.job.pinned and is_complete(self.layout, before.listing):
            self._use(before.listing)
            return
        try:
            self.lock.acquire(self._reporter)
        except DownloadError as failure:
            # A read-only cache is enough if it has everything.
            self._unwritable = failure
        self._reporter.downloading(self.job.name, self.lock.progress if self.lock.held else None)
        after = self._record()
        if after and self._is_news(before, after) and is_complete(self.layout, after.listing):
            # The last holder of the lock has just listed the source; a hundred replicas need not list it
            # again.
            self._use(after.listing)
            return
        self._list_source(after)

    def _is_news(self, before: Record | None, after: Record) -> bool:
        return before is None or before.identity != after.identity

    def _record(self) -> Record | None:
        """The record of a former download, if it can be about this job: any pod may have written it."""
        record = self.lock.read_record()
        if record is None or bool(record.listing.revision) != bool(self.job.repository):
            return None
        return None if self.job.pinned and record.listing.revision != self.job.revision else record

    def _list_source(self, known: Record | None) -> None:
        copy = known.listing if known and is_complete(self.layout, known.listing) else None
        patience = self._order.patience_seconds
        self._source = self._connect(self.job)
        try:
            self._use(
                self._fetcher().listing(min(patience, PATIENCE_WITH_COPY_SECONDS) if copy else patience)
            )
        except DownloadError as failure:
            if copy is None or not failure.transient:
                raise
            log(f"{failure.cause.message} The complete copy in the cache is used.")
            self._use(copy)

    def _use(self, listing: Listing) -> None:
        self.listing = listing
        absent = missing(self.layout, listing)
        if absent and self._unwritable:
            raise self._unwritable
        self._reporter.expect(self.job.name, self.size, self.size - bytes_to_come(absent))

    def _fetcher(self) -> Fetcher:
        assert self._source is not None
        patience = self._order.patience_seconds
        return Fetcher(self._source, self.job.name, self._reporter, patience, self.layout.check)

    @property
    def to_come(self) -> int:
        """Bytes that must be fetched."""
        return bytes_to_come(missing(self.layout, self.listing))

    @property
    def size(self) -> int:
        """Bytes of everything."""
        return sum(item.size for item in contents(self.layout, self.listing).values())

    def download(self) -> None:
        """Makes the folder complete. Raises DownloadError or OSError."""
        for _ in range(LISTINGS):
            absent = missing(self.layout, self.listing)
            try:
                if absent:
                    self._reporter.set_detail(
                        f"{self.job.source}: {len(absent)} files, {human(bytes_to_come(absent))} to fetch"
                    )
                    self._fetcher().fetch(absent)
                self._conclude()
                return
            except SourceChangedError as change:
                log(f"{self.job.source} changed during the download ({change}); it is listed again")
                self._list_source(None)
        raise DownloadError(
            "WeightsUnavailable", f"{self.job.source} changes faster than it can be downloaded."
        )

    def _conclude(self) -> None:
        if self.lock.held:
            if not is_complete(self.layout, self.listing):
                link_all(self.layout, self.listing)
            self.layout.finish(self.listing)
            if self._source is not None:
                record = Record(secrets.token_hex(8), self.listing)
                replace_file(self.lock.record, json.dumps(record.as_document()).encode())
        elif self._unwritable and not is_complete(self.layout, self.listing):
            raise self._unwritable
        self._reporter.expect(self.job.name, self.size, self.size)
        self._reporter.done_with(self.job.name)
        self.lock.release()

    def point(self) -> None:
        """Makes the link that the engine is given."""
        target = Path(self.job.target)
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_link(target, str(self.layout.folder(self.listing)))


def run(order: Order, connect: Connect, reporter: Reporter) -> None:
    """Downloads everything. Raises DownloadError; what is finished by then is kept."""
    reporter.start(tuple(job.name for job in order.jobs))
    tasks = [Task(job, order, connect, reporter) for job in order.jobs]
    with released_at_the_end([task.lock for task in tasks]), _disk_errors(order, tasks):
        # All pods take locks in one order: none can wait for another that waits for it.
        for task in sorted(tasks, key=lambda task: task.job.key):
            task.prepare()
        _check_space(order, tasks)
        # The small ones first: other pods may wait for just them.
        for task in sorted(tasks, key=lambda task: task.to_come):
            task.download()
        for task in tasks:
            task.point()


def _check_space(order: Order, tasks: list[Task]) -> None:
    to_come = sum(task.to_come for task in tasks)
    if not to_come:
        return
    free = free_bytes(Path(order.cache))
    if order.capacity_bytes is not None:
        present = sum(task.size for task in tasks) - to_come
        free = min(free, max(0, order.capacity_bytes - present))
    if to_come > free:
        raise disk_full(to_come, free, order.cache)


class _disk_errors:  # noqa: N801 - used like a function
    """Turns an OSError of the cache into its cause."""

    def __init__(self, order: Order, tasks: list[Task]) -> None:
        self._order, self._tasks = order, tasks

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, OSError):
            return
        cache = self._order.cache
        owner = owner_of(Path(error.filename or cache)) if isinstance(error.filename, str | None) else ""
        failure = of_os_error(error, cache, owner)
        if failure.cause.reason == "DiskFull":
            to_come, free = sum(task.to_come for task in self._tasks), _free(cache)
            failure = disk_full(to_come, free, cache) if to_come > free else failure
        raise failure from error


def _free(cache: str) -> int:
    try:
        return free_bytes(Path(cache))
    except OSError:
        return 0


def connect(job: Job) -> WeightSource:
    """The source of a job, with the credentials of this process's environment."""
    # Each of the two libraries takes as much memory as all the rest.
    if job.repository:
        from .hub import HubSource

        token = os.environ.get("HF_TOKEN", "").strip()
        revision = job.revision or DEFAULT_REVISION
        return HubSource(job.repository, revision, job.endpoint, token, job.file)
    from .s3 import S3Source

    bucket, path = job.bucket
    return S3Source(bucket, path, job.endpoint, job.region, job.file)
