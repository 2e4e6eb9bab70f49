"""The data plane in C (native/), built on the spot, kept in the cache by the hash of its source."""

from __future__ import annotations

import ctypes
import functools
import hashlib
from pathlib import Path

from e2e.cluster import once
from e2e.cluster.paths import cache_root
from e2e.cluster.shell import run

_NATIVE = Path(__file__).with_name("native")
_FLAGS = ("-O2", "-std=c11", "-Wall", "-Wextra", "-shared", "-fPIC")

MAX_PODS = 256
PICK = ctypes.CFUNCTYPE(ctypes.c_int64)


class Requests(ctypes.Structure):
    """`struct requests` of native/replica.h."""

    _fields_ = (
        ("count", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("arrival", "prompt", "output", "made", "first", "last")),
        ("outcome", ctypes.c_void_p),
    )


class Engine(ctypes.Structure):
    """`struct engine` of native/replica.h."""

    _fields_ = (
        *((name, ctypes.c_double) for name in ("a", "b", "d", "g")),
        *((name, ctypes.c_int64) for name in ("slots", "budget", "kv_tokens")),
    )


class Policy(ctypes.Structure):
    """`struct policy` of native/plane.h."""

    _fields_ = (
        ("limit", ctypes.c_int64),
        ("hold_seconds", ctypes.c_double),
        ("refuse", ctypes.c_int64),
        ("pick", PICK),
    )


GAUGES = (
    *("phase", "in_flight", "running", "waiting", "kv_usage", "steps"),
    *("made", "prefilled", "preemptions", "completions", "idle_since"),
)
TOTALS = (
    *("held", "in_flight", "arrivals", "completions", "lost"),
    *("prompt", "output", "last_completion", "load_integral", "places"),
)


@functools.cache
def library() -> ctypes.CDLL:
    """The data plane, ready to be called. Raises ClusterError without a working C compiler."""
    content = b"".join(path.read_bytes() for path in sorted(_NATIVE.iterdir()))
    target = cache_root() / "bench" / f"simulator-{hashlib.sha256(content).hexdigest()[:12]}.so"
    return _declare(ctypes.CDLL(str(once.file(target, _compile))))


def _compile(target: Path) -> None:
    hint = "Install a C compiler: apt-get install gcc libc6-dev"
    run(["cc", *_FLAGS, "-o", target, *sorted(_NATIVE.glob("*.c")), "-lm"], hint=hint)


def _declare(found: ctypes.CDLL) -> ctypes.CDLL:
    handle, place, flag = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64
    pointers = [ctypes.POINTER(kind) for kind in (Requests, Engine, Policy)]
    for name, result, arguments in (
        ("plane_open", handle, pointers),
        ("plane_close", None, [handle]),
        ("plane_add", place, [handle]),
        ("plane_drain", None, [handle, place]),
        ("plane_recall", None, [handle, place]),
        ("plane_remove", None, [handle, place, flag]),
        ("plane_advance", None, [handle, ctypes.c_double]),
        ("plane_gauges", ctypes.POINTER(ctypes.c_double), [handle]),
        ("plane_totals", ctypes.POINTER(ctypes.c_double), [handle]),
    ):
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found
