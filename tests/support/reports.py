"""A failure ends in a readable summary, also one that pytest itself cannot format.

To show a traceback pytest parses the sources again, compares locals and calls `__repr__`. Where that raises
(CPython 3.11: "SystemError: AST constructor recursion depth mismatch"), pytest takes it for its own error and
ends the whole run, without a word about the failures so far. A pytest plugin.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

# More than a test and its helpers are deep; Python's traceback of a recursion has thousands.
MAX_TRACEBACK_FRAMES = 50

_Info = pytest.ExceptionInfo[BaseException]


def pytest_configure(config: pytest.Config) -> None:
    """Every report of this run is made by _readable()."""
    patch = pytest.MonkeyPatch()
    patch.setattr(pytest.ExceptionInfo, "getrepr", _readable(pytest.ExceptionInfo.getrepr))
    config.add_cleanup(patch.undo)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """After an error of pytest's own, shows the failures so far, which pytest leaves out."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == pytest.ExitCode.INTERNAL_ERROR and reporter is not None:
        session.config.hook.pytest_terminal_summary(
            terminalreporter=reporter, exitstatus=exitstatus, config=session.config
        )


def _readable(getrepr: Callable[..., Any]) -> Callable[..., Any]:
    """pytest's way to format an exception, with Python's own where that raises."""

    def formatted(info: _Info, *arguments: Any, **options: Any) -> Any:
        try:
            return getrepr(info, *arguments, **options)
        except Exception as error:
            return _plain(getrepr, info, options.get("tbfilter"), error)

    return formatted


def _plain(getrepr: Callable[..., Any], info: _Info, kept: object, error: Exception) -> Any:
    try:
        info = pytest.ExceptionInfo.from_exception(info.value)
        # From the test on, without the steps in which pytest calls it.
        info.traceback = (kept(info) if callable(kept) else info.traceback) or info.traceback
        report = getrepr(info, style="native")
    except Exception as second:
        text = f"{type(info.value).__name__}, which cannot be printed: {type(second).__name__}"
        report = getrepr(pytest.ExceptionInfo.from_exception(_raised(text)), style="native")
    for entry in report.reprtraceback.reprentries:
        entry.lines = entry.lines[:1] + entry.lines[1:][-MAX_TRACEBACK_FRAMES:]
    report.addsection("pytest could not format this", f"{type(error).__name__}: {error}")
    return report


def _raised(text: str) -> RuntimeError:
    try:
        raise RuntimeError(text)
    except RuntimeError as error:
        return error
