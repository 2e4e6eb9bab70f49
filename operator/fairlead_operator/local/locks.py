"""One caller at a time: file locks that the kernel releases when their holder ends. Standard library only."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_GUARD = threading.Lock()
_THREAD_LOCKS: dict[Path, threading.RLock] = {}
_HELD = threading.local()


@contextmanager
def hold(file: Path, *, say: Callable[[str], object], remove: bool = False) -> Iterator[None]:
    """Holds the lock on `file` among processes and threads; waits, with a message, while another has it.

    Makes the file and its folder; with `remove` the file goes at the end. The same thread may enter again.
    """
    file = file.absolute()
    with _GUARD:
        thread_lock = _THREAD_LOCKS.setdefault(file, threading.RLock())
    with thread_lock:
        held: set[Path] = _HELD.__dict__.setdefault("files", set())
        if file in held:
            yield
            return
        descriptor = _acquire(file, say)
        held.add(file)
        try:
            yield
        finally:
            held.discard(file)
            if remove:
                file.unlink(missing_ok=True)
            os.close(descriptor)


@contextmanager
def hold_if_free(file: Path) -> Iterator[bool]:
    """Holds the lock on `file` during the body if it is free; yields whether it does. Then the file goes."""
    descriptor = _open(file)
    try:
        mine = _lock_now(descriptor) and _is_file_of(descriptor, file)
        yield mine
        if mine:
            file.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _acquire(file: Path, say: Callable[[str], object]) -> int:
    """A descriptor with the lock on the file that has the name now: a holder may have removed another."""
    while True:
        descriptor = _open(file)
        try:
            if not _lock_now(descriptor):
                say(f"waiting for another run that holds {file}")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_file_of(descriptor, file):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _open(file: Path) -> int:
    file.parent.mkdir(parents=True, exist_ok=True)
    # O_CLOEXEC (Python's default) keeps children such as dockerd from inheriting the lock.
    return os.open(file, os.O_RDWR | os.O_CREAT, 0o644)


def _lock_now(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_file_of(descriptor: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False
