"""What a source has, and which of it an engine wants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from .causes import DownloadError

# Weights in the order in which vLLM takes them: where one kind is there, those after it are not downloaded.
WEIGHTS = (("*.safetensors",), ("*.bin",), ("*.pt", "*.pth"), ("*.gguf",))
# Copies for other runtimes, which no engine of ours reads. `original/` holds a maker's own checkpoint.
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


@dataclass(frozen=True)
class Item:
    """One file of a source.

    `version` changes with the content (a digest or an ETag). `digest` is (algorithm, hexadecimal) if the
    source tells one: "sha256" of the content, or "git-sha1" as git makes it.
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


def wanted(paths: Iterable[str]) -> list[str]:
    """The paths that an engine needs: configuration, tokenizer, templates, and the best kind of weights."""
    kept = [path for path in paths if not _matches(path, UNWANTED)]
    for position, patterns in enumerate(WEIGHTS):
        if any(_matches(path, patterns) for path in kept):
            lesser = [pattern for others in WEIGHTS[position + 1 :] for pattern in others]
            return [path for path in kept if not _matches(path, lesser)]
    return kept


def _matches(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def check_path(path: str, source: str) -> str:
    """The path itself. Raises DownloadError if it leads out of the folder: names come from the network."""
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in path or "\0" in path:
        raise DownloadError(
            "WeightsCorrupt", f"{source} has a file named {path!r}, which is no path in a folder."
        )
    return path


@dataclass(frozen=True)
class Record:
    """What a finished download left, kept beside the cache so that a later start need not ask again.

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
    """Reads a record. Raises KeyError, TypeError or ValueError if it is none."""
    items = tuple(
        Item(check_path(str(entry["path"]), "The cache"), int(entry["size"]), str(entry["version"]))
        for entry in document["files"]
    )
    return Record(str(document["identity"]), Listing(items, str(document["revision"])))
