"""Makes what is slow to make once, by one caller at a time; it gets its name only when it is complete.

Every cache of files uses this. The lock is beside the target, not in the cache's folder of locks: two caches
may share a folder. What is made is built in a folder beside the target, so on the same file system, and
renamed. A killed run leaves such a folder; the next run that builds anything there removes it.
"""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from e2e.cluster import leftovers
from e2e.cluster.locks import hold, hold_if_free
from e2e.cluster.progress import say

# The name of a draft: a dot, the target's name, and what tempfile.mkdtemp() adds.
_DRAFT = re.compile(r"\.(?P<target>.+)\.draft-[^.]+")
# A folder of that name that has something in it.
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)


def folder(target: Path, make: Callable[[Path], object], *, title: str = "") -> Path:
    """Returns the folder `target`; at its first use `make` fills the empty folder that it is given.

    `make` must not write its folder's path into what it makes. With a `title` the time that it takes is
    shown. What `make` raises is raised; then there is no `target`, and the next call tries again. An empty
    folder counts as none.
    """
    if not _filled(target):
        with alone(target):
            if not _filled(target):
                with _timed(title), draft(target) as scratch:
                    make(scratch)
                    # mkdtemp's folder is closed to other users.
                    scratch.chmod(0o755)
                    _rename(scratch, target)
    return target


def file(target: Path, make: Callable[[Path], object], *, title: str = "") -> Path:
    """Like folder(), for one file: `make` writes the path that it is given, which has the target's name."""
    if not target.is_file():
        with alone(target):
            if not target.is_file():
                with _timed(title), draft(target) as scratch:
                    make(scratch / target.name)
                    (scratch / target.name).replace(target)
    return target


def alone(target: Path) -> AbstractContextManager[None]:
    """Holds the lock of `target`, which lies beside it; waits while another process or thread has it."""
    return hold(_lock_of(target), remove=True)


@contextmanager
def draft(target: Path) -> Iterator[Path]:
    """An empty folder beside `target`, removed at the end. The caller is alone() with `target`.

    Removes the drafts of runs that were killed, those of other targets in the same folder too.
    """
    parent = target.parent
    parent.mkdir(parents=True, exist_ok=True)
    _sweep(parent, mine=target.name)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.draft-", dir=parent))
    try:
        yield scratch
    finally:
        _remove(scratch)


def sweep(folder: Path) -> None:
    """Removes what killed runs left in a folder of targets. draft() does so too."""
    if folder.is_dir():
        _sweep(folder)


def _lock_of(target: Path) -> Path:
    return target.with_name(f".{target.name}.lock")


def _filled(target: Path) -> bool:
    return target.is_dir() and any(target.iterdir())


def _rename(scratch: Path, target: Path) -> None:
    try:
        scratch.rename(target)
    except OSError as error:
        # Made meanwhile by a program that does not take the lock: as good as this one.
        if error.errno not in _TAKEN or not _filled(target):
            raise


def _sweep(parent: Path, mine: str = "") -> None:
    for path in parent.glob(".*.draft-*"):
        match = _DRAFT.fullmatch(path.name)
        if match is None:
            continue
        if match["target"] == mine:
            _remove(path)
            continue
        # A builder holds the lock, so a draft whose lock is free belongs to no living run.
        with hold_if_free(_lock_of(parent / match["target"])) as dead:
            if dead:
                _remove(path)


def _remove(path: Path) -> None:
    # Debian's installer mounts /proc in what it builds.
    leftovers.unmount([path])
    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _timed(title: str) -> Iterator[None]:
    if not title:
        yield
        return
    say(f"{title} ...")
    start = time.monotonic()
    yield
    say(f"{title}: {time.monotonic() - start:.1f} s")
