"""What the package `gguf` reads and writes, for a test in another process: its dependencies are not ours.

python gguf_reference.py write FILE     a small file with tensors of each kind
python gguf_reference.py read FILE      JSON: kind, shape and SHA-256 of each tensor's float32 values
"""

from __future__ import annotations

import hashlib
import json
import sys

import gguf  # type: ignore[import-not-found]
import numpy as np

KINDS = ("F32", "F16", "Q4_1", "Q8_0")


def write(path: str) -> None:
    """A tensor of each kind, with values of several sizes, and a pair of each type."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_string("a.text", "harbour é")
    writer.add_bool("a.flag", True)
    writer.add_float32("a.float32", 0.5)
    writer.add_float64("a.float64", 0.1)
    for name, number in {"uint8": 200, "uint16": 60_000, "uint32": 4_000_000_000, "uint64": 1 << 60}.items():
        getattr(writer, f"add_{name}")(f"a.{name}", number)
    for name, number in {
        "int8": -100,
        "int16": -30_000,
        "int32": -2_000_000_000,
        "int64": -(1 << 60),
    }.items():
        getattr(writer, f"add_{name}")(f"a.{name}", number)
    writer.add_array("a.texts", ["a", "", "bc"])
    writer.add_array("a.numbers", [1, -2, 3])
    rng = np.random.default_rng(20240229)
    for kind in KINDS:
        values = rng.standard_normal((6, 128), dtype=np.float32) * np.float32(10) ** rng.integers(
            -3, 4, (6, 1)
        )
        values[0, :32] = 0
        number = gguf.GGMLQuantizationType[kind]
        writer.add_tensor(f"of.{kind}", gguf.quants.quantize(values, number), raw_dtype=number)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read(path: str) -> dict[str, dict[str, object]]:
    """What `gguf` makes of a file's tensors."""
    found = {}
    for tensor in gguf.GGUFReader(path).tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        digest = hashlib.sha256(np.ascontiguousarray(values, dtype="<f4").tobytes()).hexdigest()
        shape = [int(length) for length in tensor.shape[::-1]]
        found[tensor.name] = {"kind": tensor.tensor_type.name, "shape": shape, "sha256": digest}
    return found


if __name__ == "__main__":
    command, file = sys.argv[1:]
    if command == "write":
        write(file)
    else:
        print(json.dumps(read(file)))
