"""One caller at a time: the locks of `fairlead run`, with the messages of these scripts."""

from __future__ import annotations

from contextlib import AbstractContextManager

from e2e.cluster import paths
from e2e.cluster.progress import say
from fairlead_operator.local import locks


def only_one(name: str) -> AbstractContextManager[None]:
    """Holds the lock `name` of this cache; waits, with a message, while another process or thread has it."""
    return locks.hold(paths.locks_dir() / f"{name}.lock", say=say)
