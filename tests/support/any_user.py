"""A user that no image knows, in group 0: how OpenShift starts every container."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# From the range that OpenShift gives to a namespace.
USER = 1_000_660_000
# Such a process may read a checkout and an interpreter wherever they lie: in an image everybody may. It may
# write only what its user and group 0 may write.
_READS_ALL = "-all,+dac_read_search"
AS_ANY_USER = (
    *("setpriv", "--reuid", str(USER), "--regid", "0", "--clear-groups", "--no-new-privs"),
    *("--inh-caps", _READS_ALL, "--ambient-caps", _READS_ALL, "--bounding-set", _READS_ALL),
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def group_folder(path: Path) -> Path:
    """The folder, made if need be, writable for its group: of a test that runs as root, group 0."""
    path.mkdir(exist_ok=True)
    path.chmod(0o775)
    return path
