"""The whole benchmark in small: no limits on time here, only that what it says is measured and complete."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.gateway import __main__ as command_line
from tests.benchmarks.gateway import report
from tests.benchmarks.gateway.errors import InvalidError, MissingError
from tests.benchmarks.gateway.run import run
from tests.benchmarks.gateway.scenarios import Scale
from tests.benchmarks.gateway.systems import SYSTEMS, Launch, System, Upstream
from tests.benchmarks.gateway.tree import ProcessTree
from tests.gateway.process import wait_for

SMALL = Scale(seconds=0.2, slow_tokens=10)
CHILD = """
import sys, time
while time.process_time() < 0.3:
    pass
print("burnt", flush=True)
time.sleep(60)
"""
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]])
print(child.pid, flush=True)
child.wait()
sys.stdin.read()
"""


def test_the_gateway_benchmark_writes_all_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_line, "QUICK", SMALL)
    output = tmp_path / "made" / "gateway.json"
    code = command_line.main(["--quick", "--systems", "fairlead", "--output", str(output)])
    document = json.loads(output.read_text())
    assert (code, document["about"]["failures"]) == (0, [])
    figures = document["fairlead"]
    assert set(figures) == set(report.FIGURES)
    assert all(value > 0 for name, value in figures.items() if name != "added_p50_us")
    assert document["about"]["versions"]["fairlead"]
    printed = capsys.readouterr().out
    assert all(title in printed for title, _ in report.FIGURES.values())
    assert "memory idle: below 80 MB" in printed


def test_the_router_benchmark_writes_its_figures() -> None:
    results = run([SYSTEMS["fairlead-router"]], runs=1, scale=SMALL)
    assert not results.failures
    assert results.document()["fairlead-router"]["requests_per_second"] > 0


def test_an_unavailable_competitor_is_named_and_the_others_are_measured() -> None:
    def refuse(_: Path, __: int, ___: Upstream) -> Launch:
        raise MissingError("no package index within reach")

    results = run([System("absent", refuse), SYSTEMS["fairlead"]], runs=1, scale=SMALL)
    assert results.missing == {"absent": "no package index within reach"}
    assert results.document()["fairlead"]["requests_per_second"] > 0


def test_a_system_that_ends_makes_the_run_invalid() -> None:
    def end(_: Path, __: int, ___: Upstream) -> Launch:
        return Launch(("sh", "-c", "echo no such option >&2; exit 3"), "1")

    results = run([System("broken", end)], runs=1, scale=SMALL)
    assert "broken" not in results.document()
    assert [failure for failure in results.failures if "no such option" in failure]


def test_ratios_say_how_many_times_better_ours_is() -> None:
    systems = {
        "fairlead": {"requests_per_second": 1000.0, "cpu_us_per_request": 10.0},
        "other": {"requests_per_second": 250.0, "cpu_us_per_request": 5.0},
    }
    lines = report.table(systems).splitlines()
    assert lines[1].split("connections")[1].split() == ["1,000", "250", "(4.00x)"]
    assert lines[3].split("request")[1].split() == ["10.0", "5.00", "(0.50x)"]


def test_a_median_is_of_the_rounds_that_have_the_figure() -> None:
    rounds = [{"rss_mb": 9.0}, {"rss_mb": 1.0, "p99": 4.0}, {"rss_mb": 2.0}]
    assert report.medians(rounds) == {"rss_mb": 2.0, "p99": 4.0}


@pytest.mark.parametrize(("theirs", "met"), [(20.0, True), (19.9, False)])
def test_an_aim_is_met_at_its_limit_and_beyond(theirs: float, met: bool) -> None:
    systems = {"fairlead": {"cpu_us_per_request": 10.0}, "vllm-router": {"cpu_us_per_request": theirs}}
    assert [each["met"] for each in report.aims(systems)] == [met]


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    """A process whose child has its own CPU time; prints the child's id, then what the child prints."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        yield process


def test_the_cpu_time_of_children_counts_and_none_may_be_lost(parent: subprocess.Popen[str]) -> None:
    assert parent.stdout
    child = int(parent.stdout.readline())
    assert parent.stdout.readline() == "burnt\n"
    tree = ProcessTree(parent.pid)
    assert 0.3 <= tree.cpu_seconds() < 30
    assert tree.rss_mib() > 5
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{child}").exists())
    with pytest.raises(InvalidError, match=str(child)):
        tree.cpu_seconds()
