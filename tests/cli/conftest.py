"""Fixtures of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fairlead_operator.__main__ import main
from tests.kube.support import kube as kube

Run = Callable[..., tuple[int, str, str]]
Write = Callable[..., str]


@pytest.fixture
def fairlead(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command; returns its exit code and what it printed to stdout and stderr."""
    for name in ("GATEWAY_IMAGE", "ENGINE_IMAGE", "POD_NAMESPACE", "MONITORING_NAMESPACES"):
        monkeypatch.delenv(f"FAIRLEAD_{name}", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a file into the working directory; returns its name."""
    monkeypatch.chdir(tmp_path)

    def file(text: str, name: str = "model.yaml") -> str:
        (tmp_path / name).write_text(text)
        return name

    return file
