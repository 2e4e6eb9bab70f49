"""What a user sees while something takes a while."""

from __future__ import annotations

import io
import re
import threading

import pytest

from fairlead_operator.progress import Progress
from tests.support.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock(100.0)


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


def shown_lines(screen: io.StringIO) -> list[str]:
    """What stays on a terminal: a line that was erased does not count."""
    return [line.rpartition("\r\x1b[2K")[2] for line in screen.getvalue().split("\n")]


def test_a_step_has_a_line_at_its_start_and_one_with_seconds_at_its_end(
    screen: io.StringIO, clock: Clock
) -> None:
    with Progress(screen, live=False, clock=clock).step("vLLM on CPU"):
        clock.now += 12.34
    assert screen.getvalue() == "==> vLLM on CPU\n    vLLM on CPU: done in 12.3 s\n"


def test_a_failed_step_says_so(screen: io.StringIO, clock: Clock) -> None:
    def install() -> None:
        with progress.step("vLLM on CPU"):
            clock.now += 2
            raise OSError("the disk is full")

    progress = Progress(screen, live=False, clock=clock)
    with pytest.raises(OSError, match="full"):
        install()
    assert "vLLM on CPU: failed after 2.0 s" in screen.getvalue()
    assert "vLLM on CPU" in progress.table()


def test_without_a_terminal_a_status_is_shown_only_now_and_then(screen: io.StringIO, clock: Clock) -> None:
    with Progress(screen, live=False, clock=clock).step("torch") as step:
        for megabyte in range(1, 26):
            clock.now += 1
            step.bytes(megabyte * 1_000_000, 192_000_000)
    statuses = [line for line in screen.getvalue().splitlines() if " of " in line]
    assert statuses == ["    torch: 10.0 MB of 192 MB", "    torch: 20.0 MB of 192 MB"]


def test_without_a_terminal_the_same_status_is_shown_once(screen: io.StringIO, clock: Clock) -> None:
    with Progress(screen, live=False, clock=clock).step("model") as step:
        for _ in range(10):
            clock.now += 60
            step.status("Starting")
    assert screen.getvalue().count("Starting") == 1


def test_without_a_terminal_there_are_no_control_characters(screen: io.StringIO) -> None:
    progress = Progress(screen)
    with progress.step("torch") as step:
        step.status("downloading")
        progress.say("a line")
    assert not re.search(r"[^\x20-\x7e\n]", screen.getvalue())


def test_a_terminal_keeps_one_line_for_all_running_steps(screen: io.StringIO, clock: Clock) -> None:
    progress = Progress(screen, live=True, clock=clock)
    with progress.step("vLLM"), progress.step("model") as model:
        clock.now += 3
        model.bytes(46_000_000, 92_000_000)
        assert shown_lines(screen) == ["==> vLLM 3 s | model (46.0 MB of 92.0 MB) 3 s"]
    assert shown_lines(screen) == ["    model: done in 3.0 s", "    vLLM: done in 3.0 s", ""]


def test_a_terminal_shows_a_text_above_the_line_of_running_steps(screen: io.StringIO, clock: Clock) -> None:
    progress = Progress(screen, live=True, clock=clock)
    with progress.step("vLLM"):
        progress.say("torch from the index")
        assert shown_lines(screen) == ["torch from the index", "==> vLLM 0 s"]


def test_a_line_longer_than_the_terminal_is_cut(
    screen: io.StringIO, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    with Progress(screen, live=True, clock=clock).step("x" * 100):
        (line,) = shown_lines(screen)
    assert len(line) < 40
    assert line.endswith("...")


def test_the_table_has_each_step_by_its_start_and_the_time_that_passed(
    screen: io.StringIO, clock: Clock
) -> None:
    progress = Progress(screen, live=False, clock=clock)
    with progress.step("vLLM"):
        clock.now += 5
        with progress.step("model"):
            clock.now += 10
        clock.now += 5
    assert progress.table().splitlines() == [
        "  vLLM    from    0.0 s     20.0 s",
        "  model   from    5.0 s     10.0 s",
        "  in all  from    0.0 s     20.0 s",
    ]


def test_a_table_without_steps_is_empty(screen: io.StringIO) -> None:
    assert Progress(screen, live=False).table() == ""


def test_steps_of_several_threads_end_up_in_one_table(screen: io.StringIO) -> None:
    progress = Progress(screen, live=True)
    together = threading.Barrier(4)

    def work(number: int) -> None:
        with progress.step(f"part {number}") as step:
            together.wait(timeout=10)
            step.status("busy")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert {f"part {number}" for number in range(4)} <= set(re.findall(r"part \d", progress.table()))
    assert all(f"part {number}: done in" in "\n".join(shown_lines(screen)) for number in range(4))
