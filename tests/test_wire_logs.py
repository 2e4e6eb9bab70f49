"""What the programs write to their logs: one JSON object per line, with the same keys in all of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import free_port
from tests.support.engine import SERVING_IMAGE, install_launcher

OPERATOR = SERVING_IMAGE.parent / "operator"
KEYS = ["time", "level", "logger", "message"]
# The operator's own settings need no cluster.
OPERATOR_LINE = """
import logging
from fairlead_operator.telemetry import configure_logging, model_fields
configure_logging("INFO")
logging.getLogger("fairlead_operator.x").info("one line", extra=model_fields("team", "tiny"))
"""
Entry = dict[str, Any]


def run(*command: object, **variables: object) -> list[Entry]:
    """The log of a program that ends by itself."""
    done = subprocess.run(_words(command), env=_environment(variables), capture_output=True, timeout=60)
    return _entries(done.stderr)


def serve(*command: object, **variables: object) -> list[Entry]:
    """The log of a server that is stopped after its first line."""
    process = subprocess.Popen(_words(command), env=_environment(variables), stderr=subprocess.PIPE)
    assert process.stderr is not None
    try:
        first = process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    return _entries(first + rest)


def _words(command: tuple[object, ...]) -> list[str]:
    return [sys.executable, *map(str, command)]


def _environment(variables: dict[str, object]) -> dict[str, str]:
    path = f"{SERVING_IMAGE}{os.pathsep}{OPERATOR}"
    return os.environ | {"PYTHONPATH": path} | {name: str(value) for name, value in variables.items()}


def _entries(log: bytes) -> list[Entry]:
    entries = [json.loads(line) for line in log.splitlines()]
    assert entries
    return entries


def gateway(folder: Path) -> list[Entry]:
    settings = folder / "gateway.json"
    settings.write_text(json.dumps({"model": {"servedName": "tiny"}}))
    places = {"CONFIG": settings, "RUN_DIR": folder, "HOST": "127.0.0.1"}
    ports = {"API_PORT": free_port(), "ADMIN_PORT": free_port()}
    variables = {f"FAIRLEAD_GATEWAY_{name}": value for name, value in (places | ports).items()}
    return serve("-m", "fairlead_gateway", "serve", **variables)


def router(folder: Path) -> list[Entry]:
    (folder / "token").write_text("")
    kubernetes = {"API_SERVER": f"http://127.0.0.1:{free_port()}", "TOKEN_FILE": folder / "token"}
    ports = {"API_PORT": free_port(), "ADMIN_PORT": free_port(), "DRAIN_SECONDS": 1, "LINGER_SECONDS": 0.1}
    variables = {f"FAIRLEAD_ROUTER_{name}": value for name, value in (kubernetes | ports).items()}
    return serve("-m", "fairlead_gateway", "route", **variables)


def weights(folder: Path) -> list[Entry]:
    return run("-m", "fairlead_weights", "--termination-log", folder / "end", FAIRLEAD_WEIGHTS="{}")


def launcher(folder: Path) -> list[Entry]:
    files = {"--socket": "engine.sock", "--state": "engine.json", "--termination-log": "end"}
    options = [word for option, name in files.items() for word in (option, folder / name)]
    return run(install_launcher(folder), *options, "--", "--model", "/models/absent")


def operator(_: Path) -> list[Entry]:
    return run("-c", OPERATOR_LINE)


@pytest.mark.parametrize(
    "program", [operator, gateway, router, weights, launcher], ids=lambda program: program.__name__
)
def test_each_line_of_a_log_is_a_json_object_with_the_same_keys(program: Any, tmp_path: Path) -> None:
    for entry in program(tmp_path):
        assert list(entry)[: len(KEYS)] == KEYS
        assert entry["level"] in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
        assert datetime.fromisoformat(entry["time"]).utcoffset() == timedelta(0)
        assert len(entry["time"]) == len("2026-01-02T03:04:05.678+00:00")
        assert entry["logger"]
        assert entry["message"]


def test_labels_follow_the_common_keys(tmp_path: Path) -> None:
    (entry,) = operator(tmp_path)
    assert list(entry.items())[len(KEYS) :] == [("namespace", "team"), ("model", "tiny")]


def test_the_download_logs_why_it_failed(tmp_path: Path) -> None:
    (entry,) = weights(tmp_path)
    assert (entry["level"], entry["logger"]) == ("ERROR", "fairlead.weights")
    assert entry["message"].startswith("InvalidJob: ")


def test_the_launcher_logs_why_there_is_no_engine(tmp_path: Path) -> None:
    (entry,) = launcher(tmp_path)
    assert (entry["level"], entry["logger"]) == ("ERROR", "fairlead.launcher")
    assert entry["message"] == "WeightsNotFound: There is no model folder /models/absent."
