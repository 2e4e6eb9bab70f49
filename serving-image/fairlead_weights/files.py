"""Files of the cache, which other pods may share: nothing here follows a link that leads elsewhere.

Names come from the network, and in a shared cache another pod may have put a link where a file or a folder
belongs. So a path is used only after `inside` has checked every folder in it, and files are opened without
following a link at their end.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from .causes import DownloadError

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def inside(root: Path, path: Path) -> Path:
    """`path` itself, which must lie below `root` with no link among the folders between them.

    The last name is not checked: it may be one of the cache's own links. `root` may be a link to another
    folder of its own parent folder, because users arrange their caches so. Raises DownloadError.
    """
    home, volume = os.path.realpath(root), os.path.realpath(root.parent)
    if not home.startswith(volume.rstrip(os.sep) + os.sep):
        raise _link(root, root.parent)
    if ".." in path.parts or not path.is_relative_to(root) or path == root:
        raise DownloadError("WeightsCorrupt", f"{path} is not a path inside {root}.")
    folder = root
    for name in path.parent.relative_to(root).parts:
        folder /= name
        if folder.is_symlink():
            raise _link(folder, root)
    return path


def _link(path: Path, root: Path) -> DownloadError:
    return DownloadError(
        "WeightsCorrupt", f"{path} is a link where a folder inside {root} belongs. Remove the link."
    )


def size_of(path: Path) -> int | None:
    """Bytes of a file; None if there is none, or something else, for example a link."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def read_small(path: Path, limit: int) -> bytes | None:
    """The content of a file; None if none is readable, or if it is longer than `limit` bytes."""
    try:
        # Without waiting, because another pod may have made a pipe of that name.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(limit + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    except OSError:
        return None
    return content if content is not None and len(content) <= limit else None


def replace_link(link: Path, target: str) -> None:
    """Points a link elsewhere, without a moment in which it does not exist."""
    scratch = _scratch(link)
    scratch.symlink_to(target)
    os.replace(scratch, link)


def replace_file(path: Path, content: bytes) -> None:
    """Replaces a small file as a whole. A link of its name is replaced, not followed."""
    scratch = _scratch(path)
    with os.fdopen(os.open(scratch, _NEW_FILE, 0o666), "wb") as file:
        file.write(content)
    os.replace(scratch, path)


def _scratch(path: Path) -> Path:
    # Process ids are not unique among pods.
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
