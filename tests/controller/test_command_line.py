"""The command line: what is generated is printed, and wrong settings are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead_operator.__main__ import main

ROOT = Path(__file__).resolve().parents[2]


def test_the_crd_command_prints_the_committed_crd(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crd"]) == 0
    assert capsys.readouterr().out == (ROOT / "crds" / "fairlead.dev_modeldeployments.yaml").read_text()


def test_the_docs_command_prints_a_reference_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", "reasons"]) == 0
    assert capsys.readouterr().out.startswith("# Reasons")


def test_invalid_settings_are_refused_by_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_HEALTH_PORT", "0")
    monkeypatch.delenv("FAIRLEAD_ENGINE_IMAGE", raising=False)
    assert main(["operator"]) == 2
    printed = capsys.readouterr().err
    assert "FAIRLEAD_HEALTH_PORT: " in printed
    assert "FAIRLEAD_ENGINE_IMAGE: Field required" in printed
