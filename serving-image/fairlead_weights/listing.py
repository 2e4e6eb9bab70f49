"""The files of a source, and the selection that an engine needs.

Names, sizes and versions come from the network, or from a cache that other pods write too, and become paths
and numbers of bytes. So nothing becomes a `Listing` that `checked` has not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote

from . import gguf
from .bounds import (
    MAX_FILE_BYTES,
    MAX_FILES,
    MAX_NAME_BYTES,
    MAX_PATH_BYTES,
    MAX_TOTAL_BYTES,
    MAX_VERSION_BYTES,
)
from .causes import DownloadError, human

# Weights in the order in which vLLM takes them: where one kind is there, those after it are not downloaded.
WEIGHTS = (("*.safetensors",), ("*.bin",), ("*.pt", "*.pth"), ("*.gguf",))
# Copies for other runtimes, which vLLM does not read. `original/` holds a maker's own checkpoint.
UNWANTED = (
    "original/*",
    "onnx/*",
    "*.onnx",
    "*.onnx_data",
    "openvino/*",
    "coreml/*",
    "*.mlmodel",
    "*.mlpackage/*",
    "*.tflite",
    "*.h5",
    "*.msgpack",
    "*.ot",
    "*.nemo",
    ".git*",
)


# Names of git's objects, commits among them: SHA-1, or SHA-256 in repositories that use it.
GIT_OBJECT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
# The ending of a file that is not finished yet. huggingface_hub's tools understand such an ending.
PART = ".fairlead.incomplete"
# Visible ASCII without quotes is what an ETag may have (RFC 9110, 8.8.3). As a file's name it must not be
# that of the folder above, of a file that is being replaced, or of an unfinished one.
_VERSION = re.compile(rf"(?![.])(?!.*{re.escape(PART)})[!#-~]+")


@dataclass(frozen=True)
class Item:
    """One file of a source.

    `version` changes with the content (a digest or an ETag). `digest` is (algorithm, hexadecimal) if the
    source has one: "sha256" of the content, or "git-sha1" and "git-sha256" as git makes them.
    """

    path: str
    size: int
    version: str
    digest: tuple[str, str] | None = None


@dataclass(frozen=True)
class Listing:
    """All wanted files of a source. `revision` names the source's state: a commit, or "" if it has none."""

    items: tuple[Item, ...]
    revision: str = ""


def select_paths(paths: Iterable[str], source: str, file: str = "") -> list[str]:
    """The paths that an engine needs: configuration, tokenizer, templates, and weights.

    Those are the GGUF model `file` if one is named, else the best kind that there is. `source` is what the
    user wrote, without the file. Raises DownloadError if the weights are several models, or the file is not
    there.
    """
    kept = [path for path in paths if not _matches(path, UNWANTED)]
    if file:
        every = [pattern for patterns in WEIGHTS for pattern in patterns]
        chosen = gguf.parts_of(file, kept, source)
        # Nothing from other folders: beside a file in a bucket there may be anything.
        near = ("", file.rpartition("/")[0])
        beside = [path for path in kept if path.rpartition("/")[0] in near and not _matches(path, every)]
        return [*beside, *chosen]
    for position, patterns in enumerate(WEIGHTS):
        if any(_matches(path, patterns) for path in kept):
            lesser = [pattern for others in WEIGHTS[position + 1 :] for pattern in others]
            if patterns == WEIGHTS[-1]:
                gguf.check_one(kept, source)
            return [path for path in kept if not _matches(path, lesser)]
    return kept


def _matches(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def checked(items: Iterable[Item], source: str, revision: str = "") -> Listing:
    """The files as a listing, if each of them, and all together, can be what a model consists of.

    `source` names the server for the message. Raises DownloadError.
    """
    listing = Listing(tuple(items), check_revision(revision, source) if revision else "")
    check_number(len(listing.items), source)
    for item in listing.items:
        check_path(item.path, source)
        _check_version(item, source)
        _check_size(item, source)
    if (total := sum(item.size for item in listing.items)) > MAX_TOTAL_BYTES:
        raise _corrupt(source, f"lists {human(total)}, more than {human(MAX_TOTAL_BYTES)}")
    paths = {item.path for item in listing.items}
    for path in paths:
        head = path.rpartition("/")[0]
        while head:
            if head in paths:
                raise _corrupt(source, f"has {head!r} as a file and as a folder")
            head = head.rpartition("/")[0]
    return listing


def check_number(files: int, source: str) -> None:
    """Raises DownloadError for more files than a model has."""
    if files > MAX_FILES:
        raise _corrupt(source, f"lists more than {MAX_FILES} files")


def check_revision(revision: object, source: str) -> str:
    """The commit itself, which becomes a folder's name. Raises DownloadError for what is none."""
    if not isinstance(revision, str) or not GIT_OBJECT.fullmatch(revision):
        shown = repr(revision)[:MAX_NAME_BYTES]
        raise _corrupt(
            source, f"names the commit {shown}, which is not 40 or 64 lower-case hexadecimal digits"
        )
    return revision


def check_path(path: object, source: str) -> str:
    """The path itself. Raises DownloadError if it leads out of the folder, or is none."""
    if not isinstance(path, str) or not _is_path(path):
        raise _corrupt(
            source, f"has a file named {repr(path)[:MAX_NAME_BYTES]}, which is no path in a folder"
        )
    return path


def _is_path(path: str) -> bool:
    try:
        names = path.encode().split(b"/")
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can contain
        return False
    if len(path.encode()) > MAX_PATH_BYTES or "\\" in path or "\0" in path:
        return False
    return all(name not in (b"", b".", b"..") and len(name) <= MAX_NAME_BYTES for name in names)


def _check_version(item: Item, source: str) -> None:
    version = item.version
    fits = isinstance(version, str) and _VERSION.fullmatch(version)
    if not fits or len(version_name(version)) > MAX_VERSION_BYTES:
        shown = repr(version)[:MAX_NAME_BYTES]
        raise _corrupt(source, f"gives {item.path} the digest or ETag {shown}, which cannot be one")


def version_name(version: str) -> str:
    """A version as the name of a file."""
    return quote(version, safe="")


def _check_size(item: Item, source: str) -> None:
    size = item.size
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_FILE_BYTES:
        raise _corrupt(
            source, f"gives {item.path} the size {repr(size)[:MAX_NAME_BYTES]}, which cannot be one"
        )


def _corrupt(source: str, what: str) -> DownloadError:
    return DownloadError("WeightsCorrupt", f"{source} {what}.")


@dataclass(frozen=True)
class Record:
    """The record of a finished download, kept beside the cache so that a later start need not list the source
    again.

    `identity` differs for each download.
    """

    identity: str
    listing: Listing = field(default_factory=lambda: Listing(()))

    def as_document(self) -> dict[str, Any]:
        """JSON for the disk."""
        files = [
            {"path": item.path, "size": item.size, "version": item.version} for item in self.listing.items
        ]
        return {"identity": self.identity, "revision": self.listing.revision, "files": files}


def record_from(document: Mapping[str, Any]) -> Record:
    """Reads a record. Raises KeyError, TypeError, ValueError or DownloadError if it is none."""
    files = document["files"]
    check_number(len(files), "The cache")
    items = [Item(entry["path"], entry["size"], entry["version"]) for entry in files]
    return Record(str(document["identity"]), checked(items, "The cache", document["revision"]))
