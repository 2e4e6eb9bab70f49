"""Reads GGUF files: metadata, the list of tensors, and the bytes of each tensor.

The format, version 2 and 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): a header, key-value
pairs, one record for each tensor, and the tensors' data, each aligned. All numbers are little-endian. A file
is not trusted: what it claims is checked against bounds and against its size before it is used.
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from fairlead_operator import bounds

Value = bool | int | float | str | list["Value"]

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_DEFAULT_ALIGNMENT = 32
_STRING, _ARRAY = 8, 9
# Type of a metadata value → how struct reads it.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


@dataclass(frozen=True)
class BlockFormat:
    """How a kind of tensor is stored: so many values in blocks of so many bytes."""

    name: str
    values: int
    bytes: int


# GGML's number of a kind → its format. gguf_values.py turns each into numbers.
FORMATS = {
    0: BlockFormat("F32", 1, 4),
    1: BlockFormat("F16", 1, 2),
    3: BlockFormat("Q4_1", 32, 20),
    8: BlockFormat("Q8_0", 32, 34),
}


class GgufError(ValueError):
    """A file that is no GGUF, is damaged, or has something that this reader does not know."""


@dataclass(frozen=True)
class Tensor:
    """A tensor of a file. `shape` is in C order (rows first), as in safetensors; GGUF has it reversed."""

    name: str
    format: BlockFormat
    shape: tuple[int, ...]
    start: int
    bytes: int


class GgufFile:
    """An open file; a context manager. Raises GgufError for what is wrong, OSError if it cannot be read."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            if path.stat().st_size < len(_MAGIC):
                raise GgufError(f"{path.name} is not a GGUF file")
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            cursor = _Cursor(self._data)
            tensors, pairs = _header(cursor, path.name)
            self.metadata = _metadata(cursor, pairs)
            self.tensors = _tensors(cursor, tensors, self.metadata)
        except BaseException:
            self._data.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._data.close()

    def read(self, tensor: Tensor) -> bytes:
        """The tensor's blocks, a copy."""
        return self._data[tensor.start : tensor.start + tensor.bytes]


class _Cursor:
    """Reads one value after the other. Raises GgufError at the end of the file."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self.position = 0

    def left(self) -> int:
        """Bytes up to the end of the file."""
        return len(self._data) - self.position

    def take(self, count: int) -> bytes:
        if count > self.left():
            raise GgufError("the file ends too early")
        self.position += count
        return self._data[self.position - count : self.position]

    def scalar(self, code: str) -> int | float | bool:
        layout = struct.Struct(f"<{code}")
        (value,) = layout.unpack(self.take(layout.size))
        assert isinstance(value, int | float)
        return value

    def count(self, what: str, most: int, code: str = "Q") -> int:
        """A number of things, at most `most`."""
        value = int(self.scalar(code))
        if value > most:
            raise GgufError(f"{value} {what}; at most {most} are read")
        return value

    def text(self, most: int = bounds.GGUF_TEXT_BYTES) -> str:
        return self.take(self.count("bytes of a text", most)).decode(errors="replace")

    def value(self, kind: int) -> Value:
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY:
            return self.scalar(_code(kind))
        item, length = int(self.scalar("I")), self.count("items of a list", bounds.GGUF_LIST_ITEMS)
        if item == _ARRAY:
            raise GgufError("a list of lists is not read")
        if item == _STRING:
            return [self.text(bounds.GGUF_LISTED_TEXT_BYTES) for _ in range(length)]
        layout = struct.Struct(f"<{length}{_code(item)}")
        return list(layout.unpack(self.take(layout.size)))


def _code(kind: int) -> str:
    if kind not in _SCALARS:
        raise GgufError(f"values of type {kind} are unknown")
    return _SCALARS[kind]


def _header(cursor: _Cursor, name: str) -> tuple[int, int]:
    """The numbers of tensors and of metadata pairs."""
    if cursor.take(4) != _MAGIC:
        raise GgufError(f"{name} is not a GGUF file")
    version = cursor.scalar("I")
    if version not in _VERSIONS:
        raise GgufError(f"GGUF version {version} is unknown; versions {_VERSIONS} are read")
    return cursor.count("tensors", bounds.GGUF_TENSORS), cursor.count("pairs", bounds.GGUF_PAIRS)


def _metadata(cursor: _Cursor, pairs: int) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for _ in range(pairs):
        key = cursor.text(bounds.GGUF_NAME_BYTES)
        found[key] = cursor.value(int(cursor.scalar("I")))
    return found


def _tensors(cursor: _Cursor, count: int, metadata: dict[str, Value]) -> dict[str, Tensor]:
    records = [_record(cursor) for _ in range(count)]
    alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or not 1 <= alignment <= bounds.GGUF_ALIGNMENT_BYTES:
        raise GgufError(f"general.alignment is {alignment}")
    base = math.ceil(cursor.position / alignment) * alignment
    end = cursor.position + cursor.left()
    found = {}
    for name, layout, shape, offset in records:
        size = math.prod(shape) // layout.values * layout.bytes
        if name in found:
            raise GgufError(f"tensor {name} is there twice")
        if base + offset + size > end:
            raise GgufError(f"the file ends within tensor {name}")
        found[name] = Tensor(name, layout, shape, base + offset, size)
    return found


def _record(cursor: _Cursor) -> tuple[str, BlockFormat, tuple[int, ...], int]:
    """Name, format, shape in C order, and offset of one tensor."""
    name = cursor.text(bounds.GGUF_NAME_BYTES)
    dimensions = cursor.count("dimensions", bounds.GGUF_DIMENSIONS, "I")
    shape = tuple(int(cursor.scalar("Q")) for _ in range(dimensions))[::-1]
    kind, offset = int(cursor.scalar("I")), int(cursor.scalar("Q"))
    if kind not in FORMATS:
        known = ", ".join(layout.name for layout in FORMATS.values())
        raise GgufError(f"tensor {name} has GGML's type {kind}; {known} are read")
    layout = FORMATS[kind]
    if not shape or not all(shape) or shape[-1] % layout.values:
        raise GgufError(f"tensor {name} of shape {shape} cannot be {layout.name}")
    return name, layout, shape, offset
