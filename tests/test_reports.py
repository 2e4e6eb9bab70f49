"""A run of pytest ends in a readable summary, whatever its tests raise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import reports

ROOT = Path(__file__).resolve().parents[1]

PLUGINS = 'pytest_plugins = ["tests.support.reports"]\n'

# What CPython 3.11 does now and then when pytest parses a source to show a traceback.
NO_SOURCE = """
import ast, types
import _pytest._code.source as source

def parse(*_arguments):
    raise SystemError("AST constructor recursion depth mismatch (before=117, after=118)")

source.ast = types.SimpleNamespace(**vars(ast) | {"parse": parse})
"""

BROKEN_PLUGIN = """
def pytest_runtest_logreport(report):
    if report.failed:
        raise RuntimeError("a plugin is broken")
"""

A_FAILED_TEST = """
def test_good():
    pass

def test_bad():
    print("seen before the failure")
    assert len("harbour") == 8

def test_good_too():
    pass
"""

A_FAILED_FIXTURE = """
import pytest

@pytest.fixture(scope="session")
def engine():
    raise RuntimeError("the engine did not start")

def test_one(engine):
    pass

def test_two(engine):
    pass

def test_good():
    pass
"""

A_RECURSION = """
def down(depth):
    return up(depth + 1)

def up(depth):
    return down(depth + 1)

def test_deep():
    down(0)

def test_good():
    pass
"""

AN_EXCEPTION_WITHOUT_A_TEXT = """
class Silent(Exception):
    def __str__(self):
        raise RecursionError("a text that refers to itself")

    __repr__ = __str__

def test_silent():
    raise Silent

def test_good():
    pass
"""

A_BROKEN_FILE = "raise ValueError('the trace is missing')\n"


@pytest.mark.parametrize(
    ("tests", "workers", "cause", "closing"),
    [
        (A_FAILED_TEST, 0, "test_bad - AssertionError", "1 failed, 2 passed"),
        (A_FAILED_FIXTURE, 0, "RuntimeError: the engine did not start", "1 passed, 2 errors"),
        (A_FAILED_FIXTURE, 2, "RuntimeError: the engine did not start", "1 passed, 2 errors"),
        (A_RECURSION, 0, "RecursionError: maximum recursion depth exceeded", "1 failed, 1 passed"),
        (AN_EXCEPTION_WITHOUT_A_TEXT, 0, "Silent", "1 failed, 1 passed"),
        (A_BROKEN_FILE, 0, "ValueError: the trace is missing", "1 error"),
    ],
    ids=["test", "fixture", "fixture-on-workers", "recursion", "no-text", "file"],
)
def test_an_error_that_pytest_cannot_format_is_reported_with_its_cause(
    tmp_path: Path, tests: str, workers: int, cause: str, closing: str
) -> None:
    code, lines = run_pytest(tmp_path, PLUGINS + NO_SOURCE, tests, workers)

    summary = lines[lines.index(next(line for line in lines if "short test summary" in line)) :]
    assert any(cause in line for line in summary)
    assert summary[-1].startswith(closing)
    assert code == (2 if tests is A_BROKEN_FILE else 1)


def test_a_failure_that_pytest_cannot_format_shows_the_test_and_its_output(tmp_path: Path) -> None:
    _, lines = run_pytest(tmp_path, PLUGINS + NO_SOURCE, A_FAILED_TEST)

    assert '    assert len("harbour") == 8' in lines
    assert "seen before the failure" in lines
    assert not any("pluggy" in line for line in lines)


def test_the_traceback_of_a_recursion_has_only_its_last_frames(tmp_path: Path) -> None:
    _, lines = run_pytest(tmp_path, PLUGINS + NO_SOURCE, A_RECURSION)

    assert 0 < sum(line.startswith("  File ") for line in lines) <= reports.MAX_TRACEBACK_FRAMES


def test_a_report_that_pytest_can_format_is_unchanged(tmp_path: Path) -> None:
    _, lines = run_pytest(tmp_path, PLUGINS, A_FAILED_TEST)

    assert "E       AssertionError: assert 7 == 8" in lines


@pytest.mark.parametrize("workers", [0, 2])
def test_failures_before_an_internal_pytest_error_are_shown(tmp_path: Path, workers: int) -> None:
    code, lines = run_pytest(tmp_path, PLUGINS + BROKEN_PLUGIN, A_FAILED_TEST, workers)

    assert any("RuntimeError: a plugin is broken" in line for line in lines)
    assert any("test_bad - AssertionError" in line for line in lines)
    assert "1 failed" in lines[-1]
    assert code == pytest.ExitCode.INTERNAL_ERROR


def run_pytest(folder: Path, conftest: str, tests: str, workers: int = 0) -> tuple[int, list[str]]:
    """The exit code and the lines of a run with this project's settings."""
    (folder / "conftest.py").write_text(conftest)
    (folder / "test_inner.py").write_text(tests)
    settings = ["-c", str(ROOT / "pyproject.toml"), "--rootdir=.", f"--numprocesses={workers}"]
    command = [sys.executable, "-m", "pytest", "-q", "--color=no", *settings, "."]
    # Wide enough for the summary's lines.
    environment = os.environ | {"COLUMNS": "200"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines()
