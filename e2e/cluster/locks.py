"""One caller at a time: file locks that the kernel drops when their holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from e2e.cluster import paths
from e2e.cluster.progress import say

_GUARD = threading.Lock()
_THREAD_LOCKS: dict[str, threading.RLock] = {}
_HELD = threading.local()


@contextmanager
def only_one(name: str) -> Iterator[None]:
    """Holds the lock `name` among processes and threads; waits, and says so, while another has it.

    The same thread may enter again.
    """
    with _GUARD:
        thread_lock = _THREAD_LOCKS.setdefault(name, threading.RLock())
    with thread_lock:
        held: set[str] = _HELD.__dict__.setdefault("names", set())
        if name in held:
            yield
            return
        with _file_lock(name):
            held.add(name)
            try:
                yield
            finally:
                held.discard(name)


@contextmanager
def _file_lock(name: str) -> Iterator[None]:
    folder = paths.locks_dir()
    folder.mkdir(parents=True, exist_ok=True)
    # O_CLOEXEC (Python's default) keeps children such as dockerd from inheriting the lock.
    descriptor = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another run that holds {folder / name}.lock")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
