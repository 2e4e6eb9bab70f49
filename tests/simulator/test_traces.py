"""Recorded workloads: what is read, and what is said of a file that is not one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.simulator.experiments import Sources, available, make_workload
from tests.simulator.traces import Trace, TraceError, read, workload
from tests.simulator.workloads import WARM_UP

AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
2023-11-16 18:16:46.6805900,12,0
"""


def test_the_azure_trace_format_is_read(tmp_path: Path) -> None:
    path = tmp_path / "AzureLLMInferenceTrace_conv.csv"
    path.write_text(AZURE)
    trace = read(path)
    assert trace.at.tolist() == pytest.approx([0.0, 4.314579, 60.0])
    assert trace.prompt.tolist() == [374, 396, 12]
    assert trace.output.tolist() == [44, 109, 1]  # a request makes a token at least


def test_a_trace_in_seconds_is_read_and_sorted(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n12.5,10,20\n2.5,30,40\n")
    assert read(path).prompt.tolist() == [30, 10]
    assert make_workload("own", 1, Sources(extra=path)).end == pytest.approx(WARM_UP + 11)


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "TIMESTAMP,ContextTokens,GeneratedTokens\nx,1,2\n"])
def test_an_invalid_trace_is_reported(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(TraceError, match=r"bad\.csv"):
        read(path)


def test_an_unavailable_workload_is_skipped_with_the_reason(tmp_path: Path) -> None:
    found, missing = available(["azure-conv", "steady"], Sources(folder=tmp_path))
    assert found == ["steady"]
    assert "azure-conv" in missing[0]


def test_trace_copies_are_superposed_and_preceded_by_a_warm_up() -> None:
    at = np.arange(0.0, 1800.0, 2.0)
    tokens = np.full(len(at), 7, dtype=np.int32)
    made = workload("x", Trace(at, tokens, tokens), 3, np.random.default_rng(1), initial=2)
    counted = made.arrival >= WARM_UP
    assert counted.sum() == 3 * len(at)
    assert (~counted).sum() == pytest.approx(3 * 300, abs=3)
    assert (np.diff(made.arrival) >= 0).all()
