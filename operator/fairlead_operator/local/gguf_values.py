"""The numbers in a GGUF tensor's blocks, as float32 and as bfloat16.

The block formats are those of GGML (https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h). A block
of Q4_1 is a scale and a minimum (float16) and 32 numbers of four bits: the low halves of its 16 bytes are the
first 16 values. A block of Q8_0 is a scale (float16) and 32 signed bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float32]]
_Blocks = np.ndarray[Any, np.dtype[np.uint8]]


def to_float32(blocks: bytes, format_name: str, shape: tuple[int, ...]) -> Floats:
    """The values of a tensor of that shape (C order)."""
    return _READERS[format_name](np.frombuffer(blocks, dtype=np.uint8)).reshape(shape)


def to_bfloat16(values: Floats) -> bytes:
    """The values as little-endian bfloat16, rounded to the nearest, ties to even. None may be NaN."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    # Half of the last kept bit, and one more where that bit is set: ties go to the even neighbour.
    rounded = bits + (np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))
    return (rounded >> np.uint32(16)).astype("<u2").tobytes()


def _f32(data: _Blocks) -> Floats:
    return data.view("<f4")


def _f16(data: _Blocks) -> Floats:
    return data.view("<f2").astype(np.float32)


def _q4_1(data: _Blocks) -> Floats:
    blocks = data.reshape(-1, 20)
    scales = np.ascontiguousarray(blocks[:, :4]).view("<f2").astype(np.float32)
    packed = blocks[:, 4:]
    numbers = np.concatenate([packed & np.uint8(0x0F), packed >> np.uint8(4)], axis=1).astype(np.float32)
    return numbers * scales[:, :1] + scales[:, 1:]


def _q8_0(data: _Blocks) -> Floats:
    blocks = data.reshape(-1, 34)
    scales = np.ascontiguousarray(blocks[:, :2]).view("<f2").astype(np.float32)
    numbers = np.ascontiguousarray(blocks[:, 2:]).view(np.int8).astype(np.float32)
    return numbers * scales


_READERS: dict[str, Callable[[_Blocks], Floats]] = {"F32": _f32, "F16": _f16, "Q4_1": _q4_1, "Q8_0": _q8_0}
