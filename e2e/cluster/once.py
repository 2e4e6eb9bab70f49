"""Makes what is slow to make once: `fairlead run` has the helper, these scripts show its progress."""

from __future__ import annotations

from pathlib import Path

from e2e.cluster import leftovers
from e2e.cluster.progress import say
from fairlead_operator.local.once import Once


def _unmount(draft: Path) -> None:
    # Debian's installer mounts /proc in what it builds.
    leftovers.unmount([draft])


ONCE = Once(say, _unmount)

folder = ONCE.folder
file = ONCE.file
alone = ONCE.alone
draft = ONCE.draft
sweep = ONCE.sweep
