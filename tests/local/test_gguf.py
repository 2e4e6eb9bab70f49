"""GGUF files: the same numbers as the published reader's, and an error for what is wrong in a file."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairlead_operator import bounds
from fairlead_operator.local import gguf_file
from fairlead_operator.local.gguf_file import FORMATS, GgufError, GgufFile
from fairlead_operator.local.gguf_values import to_bfloat16, to_float32
from tests.local import reference

UINT8, UINT32, STRING, ARRAY = 0, 4, 8, 9
F32, Q4_0, Q4_1 = 0, 2, 3


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that the published library has written: a tensor of each kind, a pair of each type."""
    file = tmp_path_factory.mktemp("gguf") / "sample.gguf"
    reference.write(file)
    return file


def digests(path: Path) -> dict[str, dict[str, Any]]:
    """What reference.read() says, by our reader."""
    found: dict[str, dict[str, Any]] = {}
    with GgufFile(path) as file:
        for name, tensor in file.tensors.items():
            values = to_float32(file.read(tensor), tensor.format.name, tensor.shape)
            digest = hashlib.sha256(values.tobytes()).hexdigest()
            found[name] = {"kind": tensor.format.name, "shape": list(values.shape), "sha256": digest}
    return found


def test_the_values_of_each_kind_of_tensor_are_those_of_the_published_reader(sample: Path) -> None:
    assert {kind["kind"] for kind in digests(sample).values()} == {layout.name for layout in FORMATS.values()}
    assert digests(sample) == reference.read(sample)


def test_the_values_of_the_demo_model_are_those_of_the_published_reader() -> None:
    file = reference.published_model()

    found = digests(file)
    assert len(found) == 272
    assert found == reference.read(file)


def test_metadata_of_each_type_is_read(sample: Path) -> None:
    with GgufFile(sample) as file:
        found = {
            key.removeprefix("a."): value for key, value in file.metadata.items() if key.startswith("a.")
        }

    assert found == {
        "text": "harbour é",
        "flag": True,
        "float32": 0.5,
        "float64": 0.1,
        "uint8": 200,
        "uint16": 60_000,
        "uint32": 4_000_000_000,
        "uint64": 1 << 60,
        "int8": -100,
        "int16": -30_000,
        "int32": -2_000_000_000,
        "int64": -(1 << 60),
        "texts": ["a", "", "bc"],
        "numbers": [1, -2, 3],
    }


def bfloat16(*values: float) -> list[float]:
    """The values as bfloat16."""
    bits = np.frombuffer(to_bfloat16(np.array(values, dtype=np.float32)), dtype="<u2")
    found: list[float] = (bits.astype(np.uint32) << 16).view(np.float32).tolist()
    return found


def test_values_that_bfloat16_has_are_kept() -> None:
    values = [0.0, -0.0, 1.0, -1.5, 2.0**-126, 2.0**127, float("inf")]
    assert bfloat16(*values) == values


def test_other_values_become_the_nearest_and_ties_the_even_one() -> None:
    step = 2.0**-7
    assert bfloat16(1 + 0.4 * step, 1 + 0.6 * step) == [1, 1 + step]
    assert bfloat16(1 + 0.5 * step, 1 + 1.5 * step) == [1, 1 + 2 * step]
    assert bfloat16(-(1 + 0.5 * step), -(1 + 1.5 * step)) == [-1, -(1 + 2 * step)]


# Files with a fault -----------------------------------------------------------------------------------------


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def tensor(name: str, shape: tuple[int, ...], kind: int, offset: int) -> bytes:
    lengths = struct.pack(f"<{len(shape)}Q", *shape)
    return text(name) + struct.pack("<I", len(shape)) + lengths + struct.pack("<IQ", kind, offset)


def gguf(
    *,
    magic: bytes = b"GGUF",
    version: int = 3,
    pairs: tuple[bytes, ...] = (),
    tensors: tuple[bytes, ...] = (),
    counts: tuple[int, int] | None = None,
    data: int = 0,
) -> bytes:
    """The bytes of a file; `counts` claims other numbers of tensors and pairs than there are."""
    claimed = counts or (len(tensors), len(pairs))
    head = magic + struct.pack("<IQQ", version, *claimed) + b"".join(pairs) + b"".join(tensors)
    return head + bytes(-len(head) % 32 + data)


FAULTS = {
    "is not a GGUF file": [b"", b"GGU", gguf(magic=b"PK\x03\x04")],
    "GGUF version 1 is unknown": [gguf(version=1)],
    "ends too early": [
        b"GGUF\x03\x00",
        gguf(counts=(0, 1)),
        gguf(pairs=(text("a") + struct.pack("<IIQ", ARRAY, UINT32, 1000),)),
    ],
    "values of type 77 are unknown": [gguf(pairs=(pair("a", 77, b""),))],
    "a list of lists is not read": [gguf(pairs=(pair("a", ARRAY, struct.pack("<IQ", ARRAY, 1)),))],
    f"at most {bounds.GGUF_TENSORS} are read": [gguf(counts=(bounds.GGUF_TENSORS + 1, 0))],
    f"at most {bounds.GGUF_PAIRS} are read": [gguf(counts=(0, bounds.GGUF_PAIRS + 1))],
    f"at most {bounds.GGUF_NAME_BYTES} are read": [
        gguf(pairs=(pair("a" * (bounds.GGUF_NAME_BYTES + 1), UINT8, b"\x00"),)),
        gguf(tensors=(tensor("a" * (bounds.GGUF_NAME_BYTES + 1), (1,), F32, 0),), data=4),
    ],
    f"at most {bounds.GGUF_TEXT_BYTES} are read": [
        gguf(pairs=(pair("a", STRING, struct.pack("<Q", 1 << 40)),))
    ],
    f"at most {bounds.GGUF_LIST_ITEMS} are read": [
        gguf(pairs=(pair("a", ARRAY, struct.pack("<IQ", UINT8, 1 << 60)),))
    ],
    f"at most {bounds.GGUF_LISTED_TEXT_BYTES} are read": [
        gguf(pairs=(pair("a", ARRAY, struct.pack("<IQQ", STRING, 1, bounds.GGUF_LISTED_TEXT_BYTES + 1)),))
    ],
    f"at most {bounds.GGUF_DIMENSIONS} are read": [gguf(tensors=(tensor("a", (1,) * 5, F32, 0),), data=4)],
    "general.alignment is 0": [gguf(pairs=(pair("general.alignment", UINT32, bytes(4)),))],
    "tensor a has GGML's type 2; F32, F16, Q4_1, Q8_0 are read": [
        gguf(tensors=(tensor("a", (32,), Q4_0, 0),))
    ],
    r"tensor a of shape \(33,\) cannot be Q4_1": [gguf(tensors=(tensor("a", (33,), Q4_1, 0),), data=40)],
    r"tensor a of shape \(0,\) cannot be F32": [gguf(tensors=(tensor("a", (0,), F32, 0),))],
    "the file ends within tensor a": [
        gguf(tensors=(tensor("a", (8,), F32, 0),), data=31),
        gguf(tensors=(tensor("a", (8,), F32, 1 << 62),), data=32),
        gguf(tensors=(tensor("a", (1 << 62, 1 << 62), F32, 0),), data=32),
    ],
    "tensor a is there twice": [gguf(tensors=(tensor("a", (1,), F32, 0),) * 2, data=4)],
}


CASES = [
    pytest.param(content, message, id=f"{message} {number}")
    for message, files in FAULTS.items()
    for number, content in enumerate(files)
]


@pytest.mark.parametrize(("content", "message"), CASES)
def test_a_fault_in_a_file_is_an_error_that_names_it(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "a.gguf"
    file.write_bytes(content)

    with pytest.raises(GgufError, match=message):
        GgufFile(file)


def test_a_file_that_uses_another_alignment_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.gguf"
    head = gguf(
        pairs=(pair("general.alignment", UINT32, struct.pack("<I", 64)),),
        tensors=(tensor("a", (1,), F32, 0),),
    ).rstrip(b"\x00")
    # The record of the tensor ends with its offset, which is all zeros.
    aligned = -(-len(head + bytes(8)) // 64) * 64
    file.write_bytes(head.ljust(aligned, b"\x00") + struct.pack("<f", 2.5))

    with GgufFile(file) as opened:
        (only,) = opened.tensors.values()
        assert to_float32(opened.read(only), "F32", only.shape).tolist() == [2.5]


def test_no_part_of_a_real_file_makes_the_reader_fail_otherwise(sample: Path, tmp_path: Path) -> None:
    whole = sample.read_bytes()
    head = min(found.start for found in gguf_file.GgufFile(sample).tensors.values())
    rng = np.random.default_rng(20240229)
    file = tmp_path / "a.gguf"

    for _ in range(2000):
        damaged = bytearray(whole)
        for position in rng.integers(0, head, 4):
            damaged[position] = rng.integers(0, 256)
        file.write_bytes(damaged[: rng.integers(0, len(whole))] if rng.integers(0, 2) else damaged)
        try:
            with GgufFile(file) as opened:
                for found in opened.tensors.values():
                    to_float32(opened.read(found), found.format.name, found.shape)
        except GgufError:
            continue
