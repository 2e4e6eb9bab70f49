"""The launcher around a child process: exit codes, signals, the log, the state file.

The child is a scripted module, because a real vLLM cannot be made to end in each of these ways on demand;
every test that uses the `engine` fixture runs the launcher around a real one.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fairlead_launcher import START_PATIENCE_SECONDS

from e2e.world import wait_until
from tests.support import processes
from tests.support.engine import LAUNCHER, READY_SECONDS, Engine

WAIT_SECONDS = 30


class Run:
    """One launcher process around a child with the given source code."""

    def __init__(self, folder: Path, source: str, *arguments: str) -> None:
        (folder / "child.py").write_text(source)
        self.socket, self.state_file = folder / "engine.sock", folder / "engine.json"
        self.termination_log = folder / "termination-log"
        command = [
            *(sys.executable, str(LAUNCHER), "--module", "child", "--socket", str(self.socket)),
            *(
                "--state",
                str(self.state_file),
                "--termination-log",
                str(self.termination_log),
                "--",
                *(arguments or ("--flag",)),
            ),
        ]
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self) -> tuple[int, bytes]:
        """Exit code and relayed log."""
        log, _ = self.process.communicate(timeout=WAIT_SECONDS)
        return self.process.returncode, log

    def read_line(self) -> bytes:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def state(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.state_file.read_bytes())
        return document


Launch = Callable[..., Run]


def await_condition(what: str, holds: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    """Waits until it holds, looking often: a phase may be short."""
    wait_until(what, holds, timeout=seconds, every=0.05)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    runs: list[Run] = []

    def start(source: str, *arguments: str) -> Run:
        runs.append(Run(tmp_path, source, *arguments))
        return runs[-1]

    yield start
    for run in runs:
        # In a session of its own, the child would outlive a launcher that is killed.
        left = processes.children(run.process.pid)
        with run.process:
            run.process.kill()
        for child in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


def test_an_exit_with_zero_that_nobody_asked_for_is_a_failure(launch: Launch) -> None:
    run = launch("print('done')")

    assert run.finish()[0] == 1
    assert json.loads(run.termination_log.read_bytes())["exitCode"] == 1


def test_the_exit_code_of_a_failure_is_kept(launch: Launch) -> None:
    assert launch("raise SystemExit(7)").finish()[0] == 7


def test_a_child_killed_by_a_signal_is_reported_as_shells_do(launch: Launch) -> None:
    assert launch("import os; os.kill(os.getpid(), 9)").finish()[0] == 137


def test_the_cause_is_in_the_state_file_and_the_termination_message(launch: Launch) -> None:
    run = launch("print('ValueError: No available memory for the cache blocks.'); raise SystemExit(1)")
    run.finish()

    expected = {"reason": "AcceleratorOutOfMemory", "message": "No available memory for the cache blocks."}
    assert run.state()["cause"] == expected
    assert json.loads(run.termination_log.read_bytes()) == expected | {"exitCode": 1}


def test_a_model_folder_that_is_not_there_is_named_without_starting_the_engine(launch: Launch) -> None:
    run = launch("print('started')", "--model", "/models/absent")

    assert run.finish() == (1, b"")
    assert json.loads(run.termination_log.read_bytes()) == {
        "reason": "WeightsNotFound",
        "message": "There is no model folder /models/absent.",
        "exitCode": 1,
    }


def adapter(folder: Path, name: str, **config: Any) -> Path:
    """The folder of an adapter with this configuration."""
    made = folder / name
    made.mkdir()
    (made / "adapter_config.json").write_text(json.dumps(config))
    return made


SHOW_ARGUMENTS = "import sys; print(' '.join(sys.argv[1:]))"


@pytest.mark.parametrize(
    ("configs", "rank"),
    [
        ([{"r": 1}], "8"),
        ([{"r": 16}], "16"),
        ([{"r": 8}, {"r": 33}], "64"),
        ([{"r": 8, "rank_pattern": {"q_proj": 100}}], "128"),
        ([{"r": 8, "rank_pattern": None}], "8"),
        ([{"r": 1000}], "512"),
    ],
)
def test_the_engine_is_given_room_for_the_largest_rank_of_its_adapters(
    launch: Launch, tmp_path: Path, configs: list[dict[str, Any]], rank: str
) -> None:
    folders = [adapter(tmp_path, f"a{number}", **config) for number, config in enumerate(configs)]
    modules = [json.dumps({"name": path.name, "path": str(path)}) for path in folders]
    log = launch(SHOW_ARGUMENTS, "--lora-modules", *modules, "--enforce-eager").finish()[1].decode()

    assert log.split()[-3:] == ["--enforce-eager", "--max-lora-rank", rank]


def test_an_adapter_may_be_given_in_the_short_form(launch: Launch, tmp_path: Path) -> None:
    path = adapter(tmp_path, "poet", r=20)
    log = launch(SHOW_ARGUMENTS, "--lora-modules", f"poet={path}").finish()[1].decode()

    assert log.split()[-2:] == ["--max-lora-rank", "32"]


@pytest.mark.parametrize("flag", ["--max-lora-rank=256", "--max_lora_rank=256"])
def test_a_rank_of_the_users_own_stands(launch: Launch, tmp_path: Path, flag: str) -> None:
    path = adapter(tmp_path, "poet", r=20)
    log = launch(SHOW_ARGUMENTS, "--lora-modules", f"poet={path}", flag).finish()[1].decode()

    assert log.split()[-1] == flag


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"r": "x", "rank_pattern": {"a": 1}}'])
def test_an_adapter_that_cannot_be_read_is_left_to_the_engine(
    launch: Launch, tmp_path: Path, content: str
) -> None:
    path = adapter(tmp_path, "poet")
    (path / "adapter_config.json").write_text(content)
    log = launch(SHOW_ARGUMENTS, "--lora-modules", f"poet={path}").finish()[1].decode()

    assert "--max-lora-rank" not in log


def test_an_adapter_folder_that_is_not_there_is_named(launch: Launch) -> None:
    run = launch("print('started')", "--lora-modules", "poet=/adapters/absent")

    assert run.finish() == (1, b"")
    assert run.state()["cause"]["message"] == "There is no adapter folder /adapters/absent."


def test_each_start_is_told_from_the_one_before(launch: Launch) -> None:
    starts = set()
    for _ in range(2):
        run = launch("pass")
        run.finish()
        starts.add(run.state()["startedAt"])

    assert len(starts) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_that_was_asked_for_is_passed_on_and_is_no_failure(
    launch: Launch, number: signal.Signals
) -> None:
    run = launch(
        "import signal, sys\n"
        "for n in (signal.SIGTERM, signal.SIGINT): signal.signal(n, lambda *_: sys.exit(0))\n"
        "print('up')\nwhile True: signal.pause()\n"
    )
    assert run.read_line() == b"up\n"
    run.process.send_signal(number)

    assert run.finish()[0] == 0
    assert run.state()["cause"] is None


SLEEPER = "import time\nprint('up', flush=True)\nwhile True: time.sleep(1)\n"


@pytest.mark.parametrize(
    ("log", "reason", "telling"),
    [
        ("Starting to load model /m", "EngineStartTimeout", "LoadingWeights: Starting to load model /m"),
        ("Application startup complete.", "EngineUnresponsive", "while it served"),
    ],
)
def test_an_engine_that_is_stopped_says_what_it_was_doing_even_if_it_does_not_end(
    launch: Launch, log: str, reason: str, telling: str
) -> None:
    run = launch(
        f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint({log!r}, flush=True)\n"
        + SLEEPER
    )
    assert run.read_line() == f"{log}\n".encode()
    await_condition("a phase after Starting", lambda: run.state()["phase"] != "Starting")
    run.process.send_signal(signal.SIGTERM)
    await_condition("the termination message", run.termination_log.exists)

    told = json.loads(run.termination_log.read_bytes())
    assert told["reason"] == reason
    assert telling in told["message"]
    assert run.process.poll() is None


def test_an_engine_that_ignores_a_stop_while_it_starts_is_killed(launch: Launch) -> None:
    run = launch(f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SLEEPER}")
    assert run.read_line() == b"up\n"
    run.process.send_signal(signal.SIGTERM)

    assert run.finish()[0] == 128 + signal.SIGKILL
    assert run.state()["cause"] is None
    assert json.loads(run.termination_log.read_bytes())["reason"] == "EngineStartTimeout"


def test_an_engine_that_serves_has_the_time_that_it_takes(launch: Launch) -> None:
    run = launch(
        "import signal, sys, time\n"
        f"def end(*_): time.sleep({START_PATIENCE_SECONDS + 2}); sys.exit(0)\n"
        f"signal.signal(signal.SIGTERM, end)\nprint('Application startup complete.')\n{SLEEPER}"
    )
    assert run.read_line() == b"Application startup complete.\n"
    await_condition("the phase Running", lambda: run.state()["phase"] == "Running")
    run.process.send_signal(signal.SIGTERM)

    assert run.finish()[0] == 0


@pytest.mark.engine
def test_a_real_engine_that_is_stopped_while_it_loads_frees_what_it_holds() -> None:
    engine = Engine()
    try:
        await_condition(
            "a phase after Starting",
            lambda: engine.state_file.exists() and engine.state()["phase"] != "Starting",
            READY_SECONDS,
        )
        assert engine.state()["phase"] == "LoadingWeights"
        core = processes.children(engine.process.pid)
        engine.process.send_signal(signal.SIGTERM)
        engine.process.wait(WAIT_SECONDS)
        assert not any(Path(f"/proc/{pid}").exists() for pid in core)
    finally:
        engine.stop()


def test_a_stale_socket_is_removed_before_the_engine_starts(tmp_path: Path, launch: Launch) -> None:
    (tmp_path / "engine.sock").touch()

    _, log = launch("import sys, os; print(os.path.exists(sys.argv[2]))").finish()

    assert log == b"False\n"


def test_the_engine_gets_the_socket_and_its_arguments(launch: Launch) -> None:
    run = launch("import sys; print(*sys.argv[1:])")

    assert run.finish()[1].decode().split() == ["--uds", str(run.socket), "--flag"]


@pytest.mark.parametrize(
    ("flag", "compiler", "disabled"),
    [("--enforce-eager", False, "1"), ("--enforce-eager", True, "None"), ("--dtype", False, "None")],
)
def test_an_eager_engine_without_a_compiler_compiles_nothing_later(
    launch: Launch,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flag: str,
    compiler: bool,
    disabled: str,
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    if compiler:
        (programs / "g++").write_text("#!/bin/sh\n")
        (programs / "g++").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.delenv("TORCHDYNAMO_DISABLE", raising=False)

    _, log = launch("import os; print(os.environ.get('TORCHDYNAMO_DISABLE'))", flag).finish()

    assert log.decode().strip() == disabled


def test_the_log_is_relayed_while_the_engine_runs(launch: Launch) -> None:
    run = launch("import signal; print('first'); signal.pause()")

    assert run.read_line() == b"first\n"
    assert run.process.poll() is None


def test_both_output_streams_are_relayed_byte_for_byte(launch: Launch) -> None:
    _, log = launch("import sys; sys.stdout.buffer.write(b'a\\r\\xff'); sys.stderr.write('b')").finish()

    assert log == b"a\r\xffb"


def test_phases_follow_the_log(launch: Launch) -> None:
    run = launch(
        "print('(Worker pid=1) INFO 11-21 05:36:06 [r.py:68] Starting to load model /m...')\n"
        "print('Loading safetensors checkpoint shards: 50% Completed')\n"
        "print('INFO:     Application startup complete.')\n"
        "import signal; signal.pause()"
    )
    await_condition(
        "the phase Running", lambda: run.state_file.exists() and run.state()["phase"] == "Running"
    )

    assert set(run.state()["phases"]) == {"Starting", "LoadingWeights"}


def test_what_the_engine_leaves_running_ends_with_it(launch: Launch, tmp_path: Path) -> None:
    # The grandchild holds the log open: a launcher that waits for the log's end would hang.
    run = launch(
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
        "print(child.pid)"
    )
    _, log = run.finish()

    status = Path(f"/proc/{int(log)}/stat")
    await_condition(
        "the end of the grandchild",
        lambda: not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] == "Z",
    )
