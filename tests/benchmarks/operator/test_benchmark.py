"""The whole benchmark in small: no limits on time here, only that what it says is measured and complete."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks.operator import __main__ as command_line
from tests.benchmarks.operator import report
from tests.benchmarks.operator.scale import Scale

pytestmark = pytest.mark.apiserver

SMALL = Scale(models=4, namespaces=2, probes=2, resync_seconds=10)


def test_the_operator_benchmark_writes_every_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", "is set by the run")
    monkeypatch.setattr(command_line, "QUICK", SMALL)
    output = tmp_path / "made" / "operator.json"
    assert command_line.main(["--quick", "--output", str(output)]) == 0
    document = json.loads(output.read_text())
    for phase, figure, _ in report.ROWS:
        assert document["figures"][phase][figure]["median"] >= 0
    (run,) = document["runs"]
    assert run["converge"]["writes_per_model"] >= 5
    assert run["steady"]["models_written"] == run["steady"]["writes"] == run["restart"]["writes"] == 0
    assert run["change"]["p50_ms"] > 0 < run["repair"]["p50_ms"]
    assert run["converge"]["cpu_seconds"]["kube-apiserver"] > 0
    assert "no write in the steady state" in capsys.readouterr().out
