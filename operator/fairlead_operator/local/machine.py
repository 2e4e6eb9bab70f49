"""The resources of this machine, and whether they are enough. Looked at before anything is started."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from fairlead_contract.paths import ENGINE_SOCKET
from fairlead_operator.bounds import LOCAL_SOCKET_PATH_BYTES
from fairlead_operator.local.environment import LOOPBACK
from fairlead_operator.local.errors import LocalError
from fairlead_operator.local.manifests import GivenModel
from fairlead_operator.render.quantity import quantity_value

MEMORY_INFO = Path("/proc/meminfo")
_MEBIBYTE = 1 << 20
_VISIBLE_DEVICES = "CUDA_VISIBLE_DEVICES"


def available_memory(source: Path = MEMORY_INFO) -> int | None:
    """MemAvailable in bytes; None where the system does not say."""
    try:
        lines = dict(line.split(":", 1) for line in source.read_text().splitlines() if ":" in line)
        return int(lines["MemAvailable"].split()[0]) << 10
    except (OSError, KeyError, ValueError, IndexError):
        return None


def memory_problems(given: Sequence[GivenModel], available: int | None) -> list[str]:
    """The models whose requests of memory, one after the other, are more than what is free."""
    found, left = [], available
    for item in given:
        requested = item.model.spec.resources.requests.get("memory")
        if requested is None or left is None:
            continue
        need = int(quantity_value(requested))
        if need > left:
            field = "spec.resources.requests.memory"
            found.append(
                f"{item.at(field)}: {field}: {requested} is requested and {left // _MEBIBYTE} MiB are free"
                + (" beside the other models" if left != available else "")
                + "; end other programs, or lower it if the model needs less"
            )
        else:
            left -= need
    return found


def gpus(environment: Mapping[str, str], devices: Path = Path("/dev")) -> list[str]:
    """The ids of the NVIDIA GPUs that processes of this user see, as CUDA_VISIBLE_DEVICES names them."""
    if (visible := environment.get(_VISIBLE_DEVICES)) is not None:
        return [name for word in visible.split(",") if (name := word.strip()) and name != "-1"]
    found = [path.name.removeprefix("nvidia") for path in devices.glob("nvidia[0-9]*")]
    return sorted(found, key=int)


def assigned_gpus(
    given: Sequence[GivenModel], present: Sequence[str], *, cpu_engine: bool
) -> tuple[dict[str, str], list[str]]:
    """CUDA_VISIBLE_DEVICES of each model that asks for accelerators, by its key, and the problems.

    Models do not share a GPU: each engine takes most of its memory. With an engine for the CPU there is
    nothing to assign.
    """
    found: dict[str, str] = {}
    problems, left = [], list(present)
    for item in given:
        accelerator = item.model.spec.accelerator
        if accelerator is None or cpu_engine:
            continue
        mine, left = left[: accelerator.count], left[accelerator.count :]
        found[item.key] = ",".join(mine)
        if len(mine) < accelerator.count:
            field = "spec.accelerator.count"
            problems.append(
                f"{item.at('spec.accelerator')}: {field}: {accelerator.count} GPUs are asked for and "
                f"{len(mine)} are {'free' if present else 'found'}; remove spec.accelerator to run on the "
                "CPU, or name an engine for the CPU with --engine-venv"
            )
    return found, problems


def port_problem(port: int) -> str | None:
    """Whether the port can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except (OSError, OverflowError) as error:
            why = error.strerror if isinstance(error, OSError) else "no such port"
            return f"--port {port}: {why}; choose another with --port, or end the program that has it"
    return None


def free_ports(count: int, *, beside: int = 0) -> list[int]:
    """So many different ports that are free at this moment, and none of them `beside`."""
    probes = [socket.socket() for _ in range(count + 1)]
    try:
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        ports = [int(probe.getsockname()[1]) for probe in probes]
        return [port for port in ports if port != beside][:count]
    finally:
        for probe in probes:
            probe.close()


def check_folder(folder: Path, option: str) -> None:
    """Makes the folder, for this user alone. Raises LocalError if that fails, or it cannot be written."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LocalError(f"{option}: {folder}: {error.strerror}; choose another folder") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise LocalError(f"{option}: {folder} may not be written by this user; choose another folder")


def socket_problem(folder: str) -> str | None:
    """Whether the path of an engine's socket below a pod's folder would be too long for the kernel."""
    path = f"{folder}/run/{ENGINE_SOCKET}"
    if len(os.fsencode(path)) <= LOCAL_SOCKET_PATH_BYTES:
        return None
    return (
        f"--run-dir: {path} has more than the {LOCAL_SOCKET_PATH_BYTES} bytes that the path of a Unix socket "
        "may have; choose a shorter folder"
    )
