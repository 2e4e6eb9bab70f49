"""Programs that other code runs: what a failure says, and what is left of one."""

from __future__ import annotations

import gc
from concurrent.futures import Future
from pathlib import Path

import pytest

from e2e.cluster.shell import ClusterError, CommandError, run_shown, side_by_side
from tests.gateway.process import wait_for


def test_the_output_of_a_long_program_is_shown_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    run_shown(["sh", "-c", "echo one; echo two >&2"])
    # A pipe that is left open is a warning, and so an error, as soon as it is collected.
    gc.collect()

    assert [line.split()[-1] for line in capsys.readouterr().err.splitlines()] == ["one", "two"]


def test_a_failed_program_is_reported_with_command_last_lines_and_remedy() -> None:
    with pytest.raises(CommandError) as caught:
        run_shown(["sh", "-c", "seq 1 100; exit 7"], hint="Is there a network?")

    first, *lines = str(caught.value).splitlines()
    assert first == "`sh -c 'seq 1 100; exit 7'` ended with 7:"
    assert lines == [*(str(number) for number in range(76, 101)), "Is there a network?"]


def test_a_missing_program_is_reported_by_name() -> None:
    with pytest.raises(ClusterError, match="no-such-program is not installed"):
        run_shown(["no-such-program"])


def test_one_failed_program_ends_the_concurrent_ones(tmp_path: Path) -> None:
    running: list[Future[None]] = []

    def fail_beside_a_long_one() -> None:
        with side_by_side(2) as pool:
            running.append(pool.submit(run_shown, ["sh", "-c", f"touch {tmp_path}/started; exec sleep 300"]))
            wait_for((tmp_path / "started").exists)
            pool.submit(run_shown, ["sh", "-c", "exit 1"]).result()

    with pytest.raises(CommandError, match="ended with 1"):
        fail_beside_a_long_one()

    assert "ended with -9" in str(running[0].exception())
