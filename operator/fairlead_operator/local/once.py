"""Makes what is slow to make once, by one caller at a time; it gets its name only when it is complete.

Every cache of files uses this, that of the test cluster too. The lock is beside the target, not in a folder
of locks: two caches may share a folder. What is made is built in a folder beside the target, so on the same
file system, and renamed. A killed run leaves such a folder; the next run that builds anything there removes
it. Standard library only: `make setup` runs it before there is an environment.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fairlead_operator.local.locks import hold, hold_if_free

# The name of a draft: a dot, the target's name, and what tempfile.mkdtemp() adds.
_DRAFT = re.compile(r"\.(?P<target>.+)\.draft-[^.]+")
# A folder of that name that has something in it.
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)


def cache_root() -> Path:
    """`$FAIRLEAD_CACHE`, else `~/.cache/fairlead`: all that can be made again."""
    given = os.environ.get("FAIRLEAD_CACHE")
    return Path(given).expanduser().absolute() if given else Path.home() / ".cache" / "fairlead"


def _nothing(_: Path) -> None:
    pass


@dataclass(frozen=True)
class Once:
    """`say` prints a line of progress; `before_removal` is called with each draft that is to be removed."""

    say: Callable[[str], object]
    before_removal: Callable[[Path], object] = _nothing

    def folder(self, target: Path, make: Callable[[Path], object], *, title: str = "") -> Path:
        """Returns the folder `target`; at its first use `make` fills the empty folder that it is given.

        `make` must not write its folder's path into what it makes. With a `title` the time that it takes is
        shown. What `make` raises is raised; then there is no `target`, and the next call tries again. An
        empty folder counts as none.
        """
        if not _filled(target):
            with self.alone(target):
                if not _filled(target):
                    with self._timed(title), self.draft(target) as scratch:
                        make(scratch)
                        # mkdtemp's folder is closed to other users.
                        scratch.chmod(0o755)
                        _rename(scratch, target)
        return target

    def file(self, target: Path, make: Callable[[Path], object], *, title: str = "") -> Path:
        """Like folder(), for one file: `make` writes the path that it is given, which has the same name."""
        if not target.is_file():
            with self.alone(target):
                if not target.is_file():
                    with self._timed(title), self.draft(target) as scratch:
                        make(scratch / target.name)
                        (scratch / target.name).replace(target)
        return target

    def alone(self, target: Path) -> AbstractContextManager[None]:
        """Holds the lock of `target`, which lies beside it; waits while another process or thread has it."""
        return hold(_lock_of(target), say=self.say, remove=True)

    @contextmanager
    def draft(self, target: Path) -> Iterator[Path]:
        """An empty folder beside `target`, removed at the end. The caller is alone() with `target`.

        Removes the drafts of runs that were killed, those of other targets in the same folder too.
        """
        parent = target.parent
        parent.mkdir(parents=True, exist_ok=True)
        self.sweep(parent, mine=target.name)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.draft-", dir=parent))
        try:
            yield scratch
        finally:
            self._remove(scratch)

    def sweep(self, parent: Path, mine: str = "") -> None:
        """Removes what killed runs left in a folder of targets. draft() does so too.

        The caller holds the lock of the target named `mine`.
        """
        for path in parent.glob(".*.draft-*"):
            match = _DRAFT.fullmatch(path.name)
            if match is None:
                continue
            if match["target"] == mine:
                self._remove(path)
                continue
            # A builder holds the lock, so a draft whose lock is free belongs to no living run.
            with hold_if_free(_lock_of(parent / match["target"])) as dead:
                if dead:
                    self._remove(path)

    def _remove(self, path: Path) -> None:
        self.before_removal(path)
        shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def _timed(self, title: str) -> Iterator[None]:
        if not title:
            yield
            return
        self.say(f"{title} ...")
        start = time.monotonic()
        yield
        self.say(f"{title}: {time.monotonic() - start:.1f} s")


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
