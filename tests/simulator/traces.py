"""Recorded workloads: the Azure traces of 2023, and any CSV with the same columns.

The traces are from https://github.com/Azure/AzurePublicDataset (CC-BY-4.0; Patel et al., "Splitwise:
Efficient generative LLM inference using phase splitting", ISCA 2024). They are not in this repository: they
are read from a folder, else downloaded once and checked.
"""

from __future__ import annotations

import csv
import hashlib
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from e2e.cluster import once
from e2e.cluster.paths import cache_root
from tests.simulator.plane import Floats, Integers
from tests.simulator.workloads import WARM_UP, Workload

_URL = "https://raw.githubusercontent.com/Azure/AzurePublicDataset/master/data/AzureLLMInferenceTrace_{}.csv"
_DIGESTS = {
    "conv": "2f1e5b666d4e3055fdbba98598ce2ec307767b9064e03e2fa46676dbcc7d0bf8",
    "code": "54e9a6d2a4bd06ba1e060304b900abbc74cbea53de96506e60fe5bb4f2277fb6",
}
_COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
_TIMEOUT_SECONDS = 20


class TraceError(Exception):
    """A trace cannot be had, or is not one."""


@dataclass(frozen=True)
class Trace:
    """Requests as they came; `at` in seconds since the first."""

    at: Floats
    prompt: Integers
    output: Integers


def read(path: Path) -> Trace:
    """A CSV with TIMESTAMP (ISO 8601 or seconds), ContextTokens, GeneratedTokens. Raises TraceError."""
    try:
        with path.open(newline="") as file:
            rows = sorted((_seconds(t), int(i), int(o)) for t, i, o in _rows(csv.DictReader(file)))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TraceError(f"{path}: not a CSV with the columns {', '.join(_COLUMNS)}: {error}") from error
    if not rows:
        raise TraceError(f"{path}: no requests")
    at, prompt, output = (np.array(column) for column in zip(*rows, strict=True))
    lengths = (np.maximum(column, 1).astype(np.int32) for column in (prompt, output))
    return Trace(at - at[0], *lengths)


def _rows(reader: csv.DictReader[str]) -> list[tuple[str, ...]]:
    return [tuple(row[column] for column in _COLUMNS) for row in reader]


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        whole, _, fraction = text.partition(".")  # the traces have seven digits, Python reads six
        return datetime.fromisoformat(whole).timestamp() + float(f"0.{fraction or 0}")


def azure(kind: str, folder: Path | None) -> Trace:
    """`conv` or `code`, from the folder if one is given, else downloaded. Raises TraceError."""
    if folder is not None:
        return read(_find(kind, folder))
    target = cache_root() / "bench" / f"azure-2023-{kind}.csv"
    return read(once.file(target, lambda draft: draft.write_bytes(_download(kind))))


def _download(kind: str) -> bytes:
    try:
        with urllib.request.urlopen(_URL.format(kind), timeout=_TIMEOUT_SECONDS) as answer:
            content: bytes = answer.read()
    except (OSError, urllib.error.URLError) as error:
        raise TraceError(f"cannot download {_URL.format(kind)}: {error}") from error
    if hashlib.sha256(content).hexdigest() != _DIGESTS[kind]:
        raise TraceError(f"{_URL.format(kind)} is not the trace of 2023")
    return content


def _find(kind: str, folder: Path) -> Path:
    found = sorted(folder.glob(f"*{kind}*.csv"))
    if not found:
        raise TraceError(f"no *{kind}*.csv in {folder}")
    return found[0]


def workload(name: str, trace: Trace, copies: int, rng: np.random.Generator, initial: int) -> Workload:
    """So many copies of the trace at once, each shifted by up to 30 s and with requests of its own order.

    What came in the first minutes comes once more before, as the warm-up.
    """
    span = float(trace.at[-1]) + 1.0
    parts = []
    for _ in range(copies):
        order = rng.permutation(len(trace.at)) if copies > 1 else np.arange(len(trace.at))
        at = (trace.at + rng.uniform(0, 30)) % span
        lead = at < WARM_UP
        parts += [(at + WARM_UP, order), (at[lead], order[lead])]
    at = np.concatenate([part for part, _ in parts])
    index = np.concatenate([order for _, order in parts])
    sequence = np.argsort(at, kind="stable")
    index = index[sequence]
    return Workload(name, at[sequence], trace.prompt[index], trace.output[index], initial, end=WARM_UP + span)
