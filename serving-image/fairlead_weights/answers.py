"""Answers of servers that are read as a whole: lists and errors. Each is bounded in bytes and in time.

The libraries would read such an answer to its end, however long it is, and unpack it first.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from xml.parsers import expat

from .bounds import MAX_ANSWER_SECONDS, MAX_PAGE_DEPTH, MAX_PAGE_ELEMENTS
from .causes import DownloadError, human

_PIECE_BYTES = 64 << 10


def bounded(chunks: Iterable[bytes], limit: int, server: str) -> Iterator[bytes]:
    """The chunks themselves. Raises DownloadError beyond `limit` bytes, or MAX_ANSWER_SECONDS."""
    began, length = time.monotonic(), 0
    for chunk in chunks:
        length += len(chunk)
        if length > limit:
            raise DownloadError(
                "WeightsUnavailable",
                f"{server} answers with more than {human(limit)} instead of a list of files.",
            )
        if time.monotonic() - began > MAX_ANSWER_SECONDS:
            message = f"{server} takes more than {MAX_ANSWER_SECONDS:.0f} s for a list of files."
            raise DownloadError("WeightsUnavailable", message, transient=True)
        yield chunk


def beginning(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """The chunks up to `limit` bytes, or as far as they come in MAX_ANSWER_SECONDS."""
    began = time.monotonic()
    for chunk in chunks:
        yield chunk[:limit]
        limit -= len(chunk)
        if limit <= 0 or time.monotonic() - began > MAX_ANSWER_SECONDS:
            return


def unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The content of gzip, in small pieces, so that a reader can stop. Raises ValueError if it is none."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        for chunk in chunks:
            rest = chunk
            while rest and not unpacker.eof:
                yield unpacker.decompress(rest, _PIECE_BYTES)
                rest = unpacker.unconsumed_tail
    except zlib.error as error:
        raise ValueError(f"an answer that is no gzip: {error}") from error


def check_xml(page: bytes) -> None:
    """Raises ValueError for XML that is small but costs much: entities, nesting, very many elements.

    What is no XML at all is left to its reader to refuse.
    """
    depth = elements = 0

    def start(name: str, attributes: object) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > MAX_PAGE_DEPTH or elements > MAX_PAGE_ELEMENTS:
            raise ValueError("a list with too many elements")

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*declaration: object) -> None:
        # Entities make a document larger than it is.
        raise ValueError("a list with a document type declaration")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = refuse
    with suppress(expat.ExpatError):
        parser.Parse(page, True)
