"""Finds or builds the programs that a cluster needs: Kubernetes' own, etcd, containerd, kind, helm.

Where no release downloads are within reach, the Go module proxy is enough: every one of them is a Go
program. Built ones are kept under the cache root by name, version and hash of the module that pins them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from e2e.cluster import once, paths, versions
from e2e.cluster.progress import say
from e2e.cluster.shell import ClusterError, CommandError, ended_with_us, find_program, run

_VERSION_COMMANDS = {
    "kubectl": ["version", "--client"],
    "helm": ["version", "--short"],
    "kind": ["version"],
}

_GO_ENV = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=readonly -buildvcs=false",
    "GOWORK": "off",
    # A Go older than the module requires fetches the right compiler through the module proxy.
    "GOTOOLCHAIN": os.environ.get("GOTOOLCHAIN", "auto"),
    # Compilers are short-lived: to collect garbage seldom takes a seventh of their time off, and the limit
    # keeps the few that need much memory from taking several times as much.
    "GOGC": os.environ.get("GOGC", "400"),
    "GOMEMLIMIT": os.environ.get("GOMEMLIMIT", "1GiB"),
}


def ensure(names: Iterable[str], *, ours: bool = False) -> dict[str, Path]:
    """Makes sure that the named programs exist; returns the path of each.

    With `ours` only programs built here count: a node must not carry the user's. Builds what is missing
    in one go, minutes the first time. Raises ClusterError for an unknown name or when the build fails.
    """
    wanted = list(dict.fromkeys(names))
    unknown = sorted(set(wanted) - set(versions.PROGRAMS))
    if unknown:
        known = " ".join(sorted(versions.PROGRAMS))
        raise ClusterError(f"unknown tool {', '.join(unknown)}; there are: {known}")
    found = _found(wanted, ours=ours)
    if len(found) < len(wanted):
        with once.alone(_programs()):
            # Another caller may have built them while this one waited for the lock.
            found = _found(wanted, ours=ours)
            missing = [name for name in wanted if name not in found]
            if missing:
                _build(missing)
                found = _found(wanted, ours=ours)
    return {name: found[name] for name in wanted}


def ensure_apart(name: str, module: Path) -> Path:
    """Makes sure that the one program of a Go module of its own exists; returns its path.

    Raises ClusterError without Go, or when the build fails.
    """

    def build(draft: Path) -> None:
        _go_build(_go([name]), draft / name, ["."], module)

    folder = paths.tools_dir() / f"{name}-{versions.content_hash(module)}"
    return once.folder(folder, build, title=f"building with Go: {name}") / name


def bin_dir(names: Iterable[str]) -> Path:
    """Like ensure(), but returns one folder that holds them all, for PATH."""
    programs = ensure(names)
    key = hashlib.sha256(repr(sorted(programs.items())).encode()).hexdigest()[:8]

    def link(folder: Path) -> None:
        for name, path in programs.items():
            (folder / name).symlink_to(path)

    # Not among the tools: these links hold this cache's path, and several caches may share the tools.
    return once.folder(paths.cache_root() / f"bin-{key}", link)


def built_path(name: str) -> Path:
    """The path of the program once it is built here."""
    key = f"{versions.version_of(name)}-{versions.build_hash(name)}"
    return paths.tools_dir() / f"{versions.file_of(name)}-{key}" / name


def module_dir(module: str, pinned_in: Path = versions.GO_MODULE) -> Path:
    """Where the Go module cache holds the source of a pinned module; fetches it if need be.

    `pinned_in` is the folder whose go.mod names the version, and whose go.sum the content is checked with.
    """
    go = find_program("go")
    if go is None:
        raise ClusterError(f"Go is needed to fetch {module}; install Go 1.24 or newer (https://go.dev/dl).")
    wanted = f"{module}@{versions.pins(pinned_in)[module]}"
    answer = run([go, "mod", "download", "-json", wanted], cwd=pinned_in, env=_GO_ENV)
    return Path(json.loads(answer)["Dir"])


def _found(names: Iterable[str], *, ours: bool) -> dict[str, Path]:
    candidates = {name: _built(name) or (None if ours else _users(name)) for name in names}
    return {name: path for name, path in candidates.items() if path is not None}


def _built(name: str) -> Path | None:
    path = built_path(name)
    return path if path.is_file() else None


def _users(name: str) -> Path | None:
    """The user's own program, if its version fits."""
    own = shutil.which(name) if name in versions.ACCEPTED else None
    if own is None:
        return None
    try:
        answer = run([own, *_VERSION_COMMANDS[name]], timeout=20)
    except ClusterError:
        return None
    return Path(own).absolute() if versions.accepts(name, versions.parse(answer)) else None


def _build(names: list[str]) -> None:
    go, flags = _go(names), versions.version_flags()
    start = time.monotonic()
    say(f"building with Go: {' '.join(names)}")
    packages = list(dict.fromkeys(versions.PROGRAMS[name].package for name in names))
    with once.draft(_programs()) as draft:
        _go_build(go, draft, packages, versions.GO_MODULE, flags)
        for package in packages:
            _keep(draft, package)
    say(f"built {len(names)} programs in {time.monotonic() - start:.0f} s")


def _keep(draft: Path, package: str) -> None:
    """Moves what was built from a package to where built_path() finds it, under each of its names."""
    names = [name for name, program in versions.PROGRAMS.items() if program.package == package]
    folder, file = built_path(names[0]).parent, versions.file_of(names[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name != file and not (folder / name).is_symlink():
            (folder / name).symlink_to(file)
    # Last: until then the names lead nowhere, so that none of them counts as built.
    (draft / _output_name(package)).replace(folder / file)


def _programs() -> Path:
    """What the lock and the drafts of the programs are named after: one build at a time makes them all."""
    return paths.tools_dir() / "programs"


def _go(names: list[str]) -> str:
    """The go command. Raises ClusterError where there is none to build the named programs."""
    go = find_program("go")
    if go is None:
        raise ClusterError(
            f"{', '.join(names)}: not on PATH in a usable version, and Go, which would build them, is not "
            "installed. Install Go 1.24 or newer (https://go.dev/dl)."
        )
    return go


def _output_name(package: str) -> str:
    """What `go build` calls the result: the package's last element that is not a version."""
    parts = package.split("/")
    return parts[-2] if parts[-1].startswith("v") and parts[-1][1:].isdigit() else parts[-1]


def _go_build(
    go: str, target: Path, packages: list[str], module: Path, link_flags: Sequence[str] = ()
) -> None:
    """Builds into `target`: a folder, where it is one, else the program's file."""
    argv = [
        go,
        "build",
        "-v",
        *versions.BUILD_FLAGS,
        f"-ldflags={' '.join(['-s -w', *link_flags])}",
        f"-o={target}",
        *packages,
    ]
    process = subprocess.Popen(
        argv,
        cwd=module,
        env={**os.environ, **_GO_ENV},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    with process, ended_with_us(process):
        lines = _follow(process)
    if process.returncode:
        hint = "Is the Go module proxy (`go env GOPROXY`) within reach, and `go version` 1.24 or newer?"
        raise CommandError(argv[:2] + packages, process.returncode, "\n".join(lines), hint)


def _follow(process: subprocess.Popen[str]) -> list[str]:
    """Reads the output of `go build -v` until it ends; a line of progress every half minute."""
    lines: list[str] = []
    done = threading.Event()

    def report() -> None:
        start = time.monotonic()
        while not done.wait(30):
            fetched = sum(line.startswith("go: downloading") for line in lines)
            compiled = len(lines) - fetched
            seconds = time.monotonic() - start
            say(f"  go, {seconds:.0f} s: {fetched} modules fetched, {compiled} packages compiled")

    reporter = threading.Thread(target=report, daemon=True)
    reporter.start()
    assert process.stderr is not None
    try:
        lines.extend(iter(process.stderr.readline, ""))
        process.wait()
    finally:
        done.set()
        reporter.join()
    return lines
