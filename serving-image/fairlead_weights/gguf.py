"""GGUF files: a repository usually has one model in several quantisations, of which an engine serves one.

A large model is split into parts, `NAME-00001-of-00003.gguf` and so on, which belong together; engines are
given the first. Files named `mmproj` hold the projector of a multimodal model and are no model themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fairlead_contract.paths import GGUF_ENDING

from .bounds import MAX_NAMED_FILES
from .causes import DownloadError

_PART = re.compile(r"(?P<name>.+)-(?P<number>[0-9]{5})-of-(?P<total>[0-9]{5})[.]gguf")


@dataclass(frozen=True)
class _Split:
    """One file of a split model."""

    name: str
    number: int
    total: int

    def path(self, number: int) -> str:
        """The file with another number."""
        return f"{self.name}-{number:05}-of-{self.total:05}{GGUF_ENDING}"


def models(paths: Sequence[str]) -> list[str]:
    """The files that an engine could be given: whole models, and first parts."""
    whole = [path for path in paths if path.endswith(GGUF_ENDING) and "mmproj" not in path.rpartition("/")[2]]
    return [path for path in whole if (split := _split(path)) is None or split.number == 1]


def check_one(paths: Sequence[str], source: str) -> None:
    """Raises DownloadError if the files are several models, of which `source` chooses none."""
    if len(found := models(paths)) > 1:
        message = f"{source} has {len(found)} GGUF models and the engine serves one. {_remedy(source, found)}"
        raise DownloadError("WeightsAmbiguous", message)


def parts_of(file: str, paths: Sequence[str], source: str) -> list[str]:
    """The files that belong to a chosen one: itself, or all parts of its model.

    Raises DownloadError if the file or a part is not there, or if it is not the first part.
    """
    if file not in paths:
        found = models(paths)
        hint = _remedy(source, found) if found else "It has no GGUF files."
        raise DownloadError("WeightsNotFound", f"{source} has no file {file}. {hint}")
    split = _split(file)
    if split is None:
        return [file]
    if split.number != 1:
        first = split.path(1)
        message = f"{file} is part {split.number} of {split.total}. Name the first part: {source}/{first}"
        raise DownloadError("WeightsNotFound", message)
    present, found = set(paths), []
    # Not a list of all numbers first: a name may claim 99,999 parts.
    for number in range(1, split.total + 1):
        part = split.path(number)
        if part not in present:
            raise DownloadError("WeightsCorrupt", f"{source} has no file {part}, which belongs to {file}.")
        found.append(part)
    return found


def _split(path: str) -> _Split | None:
    match = _PART.fullmatch(path)
    return _Split(match["name"], int(match["number"]), int(match["total"])) if match else None


def _remedy(source: str, found: Sequence[str]) -> str:
    """The remedy. It lists few names, because a message is short and a repository may have many."""
    named, rest = sorted(found)[:MAX_NAMED_FILES], len(found) - MAX_NAMED_FILES
    more = f" and {rest} more" if rest > 0 else ""
    return f"Write {source}/FILE with one of: {', '.join(named)}{more}."
