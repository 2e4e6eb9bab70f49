"""The layout of the cache, by which a kill at any moment loses no finished byte.

A file is written beside its place under a name that carries the version of its content, and is renamed when
it is whole; folders that engines read consist of links to such files. So names and sizes alone show what is
finished: there is no index that could differ from the disk.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from .bounds import MAX_REFERENCE_BYTES
from .files import inside, read_small, replace_file, replace_link, size_of
from .listing import PART, Item, Listing, version_name

_READ_BYTES = 1 << 20


class Layout(Protocol):
    """Which path a file has."""

    def blob(self, item: Item) -> Path:
        """The path of the content."""

    def folder(self, listing: Listing) -> Path:
        """The folder of links that an engine reads."""

    def finish(self, listing: Listing) -> None:
        """The last step, after all links are made."""

    def check(self, path: Path) -> Path:
        """The path itself. Raises DownloadError if a link leads it out of the cache or into another model."""


class HubLayout:
    """The cache of huggingface_hub, as it documents it, so that its own tools and other programs share it."""

    def __init__(self, cache: Path, repository: str, revision: str) -> None:
        self._caches = cache / "huggingface"
        self._root = self._caches / f"models--{repository.replace('/', '--')}"
        self._revision = revision

    def check(self, path: Path) -> Path:
        """`huggingface` itself may be a link inside the cache."""
        return inside(self._caches, path)

    def blob(self, item: Item) -> Path:
        """`blobs/DIGEST`."""
        return self._root / "blobs" / version_name(item.version)

    def folder(self, listing: Listing) -> Path:
        """`snapshots/COMMIT`."""
        return self._root / "snapshots" / listing.revision

    def finish(self, listing: Listing) -> None:
        """Records the commit of the branch or tag."""
        if self._revision == listing.revision:
            return
        reference = self.check(self._root / "refs" / self._revision)
        if read_small(reference, MAX_REFERENCE_BYTES) == listing.revision.encode():
            return
        reference.parent.mkdir(parents=True, exist_ok=True)
        replace_file(reference, listing.revision.encode())


class S3Layout:
    """A folder of links with the object's names, and each content under its key and ETag.

    With a chosen `file` both are apart from those of the whole path: `finish` removes what is not listed.
    """

    def __init__(self, cache: Path, bucket: str, path: str, file: str = "") -> None:
        self._root = cache / "s3"
        # No bucket's name begins with a dot.
        home, path = (self._root / ".files", f"{path}/{file}".lstrip("/")) if file else (self._root, path)
        self._objects = home / ".objects" / bucket / path
        self._folder = home / bucket / path

    def check(self, path: Path) -> Path:
        """`s3` itself may be a link inside the cache."""
        return inside(self._root, path)

    def blob(self, item: Item) -> Path:
        """`.objects/BUCKET/KEY/ETAG`."""
        return self._objects / item.path / version_name(item.version)

    def folder(self, listing: Listing) -> Path:
        """`BUCKET/PATH`: one folder, which follows the bucket."""
        return self._folder

    def finish(self, listing: Listing) -> None:
        """Removes objects that vanished, and older contents of those that changed."""
        self._keep_only(self._folder, {self._folder / item.path for item in listing.items})
        self._keep_only(self._objects, {self.blob(item) for item in listing.items})

    def _keep_only(self, folder: Path, kept: set[Path]) -> None:
        # The folder itself must be no link either: what it leads to would be emptied.
        self.check(folder / "any")
        _keep_only(folder, kept)


def _keep_only(folder: Path, kept: set[Path]) -> None:
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in (*files, *folders):
            path = Path(parent, name)
            if path in kept:
                continue
            if path.is_symlink() or not path.is_dir():
                path.unlink(missing_ok=True)
            else:
                with suppress(OSError):  # not empty
                    path.rmdir()


def part_of(blob: Path) -> Path:
    """The unfinished content of a blob."""
    return blob.with_name(blob.name + PART)


def is_present(layout: Layout, listing: Listing, item: Item) -> bool:
    """Whether the content need not be fetched."""
    return size_of(layout.check(layout.blob(item))) == item.size or is_linked(layout, listing, item)


def is_linked(layout: Layout, listing: Listing, item: Item) -> bool:
    """Whether the folder has the file.

    A commit's folder may hold the file itself: huggingface_hub copies where a disk knows no links, and what
    belongs to a commit never changes.
    """
    link = layout.check(layout.folder(listing) / item.path)
    blob = layout.check(layout.blob(item))
    if link.is_symlink():
        return size_of(blob) == item.size and os.readlink(link) == _relative(blob, link)
    return size_of(link) == item.size and bool(listing.revision)


def is_complete(layout: Layout, listing: Listing) -> bool:
    """Whether an engine can read the folder as it stands."""
    return all(is_linked(layout, listing, item) for item in listing.items)


def link_all(layout: Layout, listing: Listing) -> None:
    """Makes the folder of links; every content must be present."""
    for item in listing.items:
        if not is_linked(layout, listing, item):
            link = layout.check(layout.folder(listing) / item.path)
            link.parent.mkdir(parents=True, exist_ok=True)
            replace_link(link, _relative(layout.blob(item), link))


def _relative(blob: Path, link: Path) -> str:
    return os.path.relpath(blob, link.parent)


def free_bytes(folder: Path) -> int:
    """The bytes that an unprivileged process may still write."""
    stat = os.statvfs(folder)
    return stat.f_bavail * stat.f_frsize


def contents(layout: Layout, listing: Listing) -> dict[Path, Item]:
    """All contents of a listing by their place: files of equal content share one."""
    return {layout.blob(item): item for item in listing.items}


def missing(layout: Layout, listing: Listing) -> dict[Path, Item]:
    """The contents that are still to be fetched, or to be fetched on."""
    everything = contents(layout, listing)
    return {blob: item for blob, item in everything.items() if not is_present(layout, listing, item)}


def bytes_to_come(absent: dict[Path, Item]) -> int:
    """The bytes to fetch for absent contents, without the parts that are there already."""
    return sum(item.size - min(item.size, size_of(part_of(blob)) or 0) for blob, item in absent.items())


class Digest:
    """The digest of one item's content, if its source has one."""

    def __init__(self, item: Item) -> None:
        self._expected = item.digest[1] if item.digest else None
        self._hash = None
        if item.digest:
            algorithm = item.digest[0]
            # The names of most git objects are SHA-1; nothing here relies on it against attackers.
            sha1 = algorithm == "git-sha1"
            self._hash = hashlib.sha1(usedforsecurity=False) if sha1 else hashlib.sha256()
            if algorithm.startswith("git-"):
                self._hash.update(b"blob %d\0" % item.size)

    def update(self, data: bytes) -> None:
        """Takes in the next bytes."""
        if self._hash:
            self._hash.update(data)

    def take_in(self, descriptor: int, size: int) -> None:
        """Takes in the first bytes of an open file; it may be longer if another pod writes it too."""
        position = 0
        while self._hash and position < size:
            data = os.pread(descriptor, min(size - position, _READ_BYTES), position)
            if not data:
                return
            self._hash.update(data)
            position += len(data)

    @property
    def matches(self) -> bool:
        """Whether the content has the source's digest; True if the source has none."""
        return self._hash is None or self._hash.hexdigest() == self._expected


def owner_of(path: Path) -> str:
    """A text for users: the owner of the nearest existing folder of a path, and this user."""
    for folder in _upwards(path):
        with suppress(OSError):
            stat = folder.stat()
            mode = f"{stat.st_mode & 0o7777:o}"
            return (
                f"{folder} belongs to user {stat.st_uid}, group {stat.st_gid}, mode {mode}; "
                f"the download runs as user {os.geteuid()}."
            )
    return ""


def _upwards(path: Path) -> Iterable[Path]:
    return (path, *path.parents)
