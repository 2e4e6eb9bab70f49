"""The launcher around a child process: exit codes, signals, the log, the state file.

The child is a scripted module, because a real vLLM cannot be made to end in each of these ways on demand;
every test that uses the `engine` fixture runs the launcher around a real one.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from fairlead_launcher.bounds import START_PATIENCE_SECONDS
from fairlead_launcher.preflight import REFUSED_VARIABLES as LAUNCHERS_VARIABLES
from fairlead_operator.api.env import REFUSED_VARIABLES
from tests.launcher.support import WAIT_SECONDS, Launch, await_condition
from tests.support import processes
from tests.support.launched_engine import LaunchedEngine
from tests.support.local_run import READY_SECONDS


def test_an_unrequested_exit_with_code_0_is_a_failure(launch: Launch) -> None:
    run = launch("print('done')")

    assert run.finish()[0] == 1
    assert json.loads(run.termination_log.read_bytes())["exitCode"] == 1


def test_the_exit_code_of_a_failed_engine_is_kept(launch: Launch) -> None:
    assert launch("raise SystemExit(7)").finish()[0] == 7


def test_an_engine_killed_by_a_signal_gives_exit_code_128_plus_signal(launch: Launch) -> None:
    assert launch("import os; os.kill(os.getpid(), 9)").finish()[0] == 137


def test_the_cause_is_in_the_state_file_and_the_termination_message(launch: Launch) -> None:
    run = launch("print('ValueError: No available memory for the cache blocks.'); raise SystemExit(1)")
    run.finish()

    expected = {"reason": "AcceleratorOutOfMemory", "message": "No available memory for the cache blocks."}
    assert run.state()["cause"] == expected
    assert json.loads(run.termination_log.read_bytes()) == expected | {"exitCode": 1}


def test_a_missing_model_folder_is_reported_without_starting_the_engine(launch: Launch) -> None:
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
def test_max_lora_rank_is_the_largest_rank_of_the_adapters(
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
def test_a_max_lora_rank_of_the_user_is_kept(launch: Launch, tmp_path: Path, flag: str) -> None:
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


def test_a_missing_adapter_folder_is_reported(launch: Launch) -> None:
    run = launch("print('started')", "--lora-modules", "poet=/adapters/absent")

    assert run.finish() == (1, b"")
    assert run.state()["cause"]["message"] == "There is no adapter folder /adapters/absent."


@pytest.mark.parametrize(
    ("arguments", "telling"),
    [
        (["--tokenizer", "/absent/t"], "There is no folder /absent/t, which --tokenizer names."),
        (
            ["--speculative-config", '{"model": "/absent/draft", "num_speculative_tokens": 2}'],
            "There is no folder /absent/draft, which --speculative-config names.",
        ),
    ],
)
def test_a_missing_folder_of_another_argument_is_not_reported_as_the_model(
    launch: Launch, arguments: list[str], telling: str
) -> None:
    run = launch("print('started')", *arguments)

    assert run.finish() == (1, b"")
    assert run.state()["cause"] == {"reason": "EngineArgumentInvalid", "message": telling}


@pytest.mark.parametrize(
    "config", ['{"method": "ngram", "num_speculative_tokens": 2}', '{"model": "ngram"}', "[]", "{", "null"]
)
def test_speculation_without_a_model_is_left_to_the_engine(launch: Launch, config: str) -> None:
    assert launch("print('started')", "--speculative-config", config).finish()[1] == b"started\n"


@pytest.mark.parametrize(
    ("name", "value"), [("VLLM_API_KEY", "secret"), ("VLLM_KEEP_ALIVE_ON_ENGINE_DEATH", "1")]
)
def test_an_environment_variable_that_detaches_the_engine_from_the_gateway_is_refused(
    launch: Launch, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    run = launch("print('started')")

    assert run.finish() == (1, b"")
    cause = run.state()["cause"]
    assert cause["reason"] == "EngineArgumentInvalid"
    assert cause["message"].startswith(f"The environment variable {name} must not be set: ")
    assert value not in cause["message"].split(name, 1)[1]


@pytest.mark.parametrize(("name", "value"), [("VLLM_API_KEY", ""), ("VLLM_KEEP_ALIVE_ON_ENGINE_DEATH", "0")])
def test_a_harmless_environment_variable_is_accepted(
    launch: Launch, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    assert launch("print('started')").finish()[1] == b"started\n"


def test_launcher_and_operator_refuse_the_same_environment_variables() -> None:
    assert {name: harmless for name, (harmless, _) in LAUNCHERS_VARIABLES.items()} == {
        refused.name: refused.harmless for refused in REFUSED_VARIABLES
    }


def test_each_start_has_a_distinct_start_time(launch: Launch) -> None:
    starts = set()
    for _ in range(2):
        run = launch("pass")
        run.finish()
        starts.add(run.state()["startedAt"])

    assert len(starts) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_requested_stop_is_forwarded_and_is_not_a_failure(launch: Launch, number: signal.Signals) -> None:
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
def test_an_engine_that_ignores_a_stop_has_its_phase_in_the_termination_message(
    launch: Launch, log: str, reason: str, telling: str
) -> None:
    run = launch(
        f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint({log!r}, flush=True)\n"
        + SLEEPER
    )
    assert run.read_line() == f"{log}\n".encode()
    await_condition("a phase after Starting", lambda: run.state()["phase"] != "Starting")
    run.process.send_signal(signal.SIGTERM)
    # The file exists a moment before its content.
    await_condition(
        "the termination message",
        lambda: run.termination_log.exists() and run.termination_log.stat().st_size > 0,
    )

    termination = json.loads(run.termination_log.read_bytes())
    assert termination["reason"] == reason
    assert telling in termination["message"]
    assert run.process.poll() is None


def test_a_starting_engine_that_ignores_a_stop_is_killed(launch: Launch) -> None:
    run = launch(f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SLEEPER}")
    assert run.read_line() == b"up\n"
    run.process.send_signal(signal.SIGTERM)

    assert run.finish()[0] == 128 + signal.SIGKILL
    assert run.state()["cause"] is None
    assert json.loads(run.termination_log.read_bytes())["reason"] == "EngineStartTimeout"


def test_a_serving_engine_may_take_its_time_to_stop(launch: Launch) -> None:
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
def test_a_real_engine_stopped_while_loading_frees_its_resources() -> None:
    engine = LaunchedEngine()
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


def test_the_engine_starts_with_the_socket_and_its_arguments(launch: Launch) -> None:
    run = launch("import sys; print(*sys.argv[1:])")

    assert run.finish()[1].decode().split() == ["--uds", str(run.socket), "--flag"]


@pytest.mark.parametrize(
    ("flag", "compiler", "disabled"),
    [("--enforce-eager", False, "1"), ("--enforce-eager", True, "None"), ("--dtype", False, "None")],
)
def test_torch_compile_is_disabled_only_for_an_eager_engine_without_a_compiler(
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


def test_the_phase_follows_the_engines_log(launch: Launch) -> None:
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


def test_processes_left_by_the_engine_are_ended_with_it(launch: Launch, tmp_path: Path) -> None:
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
