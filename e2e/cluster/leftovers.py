"""What an engine leaves behind when it is killed: processes without a parent, and mounts.

Both are identified by the path of our own runtime folder, which no other command line or mount point
contains.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from e2e.cluster.processes import Process

_MOUNTS = Path("/proc/self/mounts")
_ENGINE_PROGRAMS = {"dockerd", "containerd", "containerd-shim", "docker-proxy", "runc"}


def end_processes(runtime_dir: Path) -> None:
    """Ends daemons, shims and what runs in the shims' containers, if started with `runtime_dir`."""
    mine = _engine_processes(runtime_dir)
    for shim in [process for process in mine if process.program == "containerd-shim"]:
        # Its child is the container's first process: with it the kernel ends all others in the container.
        for child in _children(shim.pid):
            child.stop(grace=0)
    for process in mine:
        process.stop(grace=5)


def another_docker() -> bool:
    """Whether a dockerd runs on this machine. Call it after end_processes(): then it is not ours."""
    return any(argv and Path(argv[0]).name == "dockerd" for _, argv in _command_lines())


def unmount(folders: Iterable[Path]) -> None:
    """Unmounts everything below the folders, innermost first."""
    if not _MOUNTS.exists():
        return
    for point in mounts_below(_MOUNTS.read_text(), folders):
        # Lazily: a mount that something still looks at goes as soon as that has ended.
        subprocess.run(["umount", "--lazy", point], capture_output=True, check=False)


def remove_if_empty(folders: Iterable[Path]) -> None:
    """Removes folders that have no other files."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def mounts_below(table: str, folders: Iterable[Path]) -> list[str]:
    """The mount points below the folders in the text of /proc/self/mounts, innermost first."""
    prefixes = tuple(f"{folder}/" for folder in folders)
    # The kernel writes a blank in a path as \\040.
    points = [line.split()[1].replace("\\040", " ") for line in table.splitlines() if line]
    return sorted((point for point in points if point.startswith(prefixes)), key=len, reverse=True)


def is_engine_process(argv: list[str], runtime_dir: Path) -> str | None:
    """The program's name if a command line is that of an engine process with `runtime_dir`, else None."""
    if not argv:
        return None
    name = Path(argv[0]).name
    # containerd-shim-runc-v2 and its like.
    program = "containerd-shim" if name.startswith("containerd-shim") else name
    if program not in _ENGINE_PROGRAMS:
        return None
    return program if any(f"{runtime_dir}/" in word for word in argv[1:]) else None


def _engine_processes(runtime_dir: Path) -> list[Process]:
    found = []
    for pid, argv in _command_lines():
        program = is_engine_process(argv, runtime_dir)
        process = Process.of(pid, program) if program else None
        if process is not None:
            found.append(process)
    return found


def _command_lines() -> Iterable[tuple[int, list[str]]]:
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "cmdline").read_text(errors="replace").split("\0")
        except OSError:
            continue
        yield int(folder.name), [word for word in words if word]


def _children(pid: int) -> list[Process]:
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    records = (Process.of(int(child), "container") for child in listed)
    return [record for record in records if record is not None]
