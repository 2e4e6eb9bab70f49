"""The container engine: the user's Docker where it answers, else one of our own from Debian's packages.

Our own has data, runtime state, socket and containerd of its own beneath the cache root, so it never touches
a Docker or containerd of the machine. Its images are the cache between runs. It makes no default bridge: kind
brings its own network, builds use the host's.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from e2e.cluster import debian, hostnet, leftovers, once, paths
from e2e.cluster.docker import Docker, not_reachable
from e2e.cluster.locks import only_one
from e2e.cluster.processes import Process, recall, remember
from e2e.cluster.progress import say
from e2e.cluster.shell import ClusterError, find_program

NODE_LABEL = "io.x-k8s.kind.cluster"
_START_SECONDS = 60.0
# For an engine whose processes live: to take a slow one for a dead one would end the clusters in it.
_ANSWER_SECONDS = 60.0
_PROGRAMS = ("dockerd", "containerd", "runc", "iptables-save", "ip")
# dockerd first: it must not see its containerd vanish.
_DAEMONS = ("dockerd", "containerd")
_CAP_SYS_ADMIN = 21
_CAP_SYS_RESOURCE = 24


def ensure() -> Docker:
    """The engine to use, started if necessary. Raises ClusterError with the remedy where there is none."""
    users = _users()
    if users is not None:
        return users
    if os.geteuid() != 0:
        raise not_reachable()
    debian.require(_PROGRAMS, "a container engine of our own", debian.OR_DOCKER)
    with only_one("engine"):
        docker = _own()
        if not _running(docker):
            _clear()
            _start(docker)
        return docker


def obstacle() -> str:
    """What keeps this machine from having an engine, with the remedy; empty if nothing does."""
    has_programs = find_program("apt-get") or all(find_program(name) for name in _PROGRAMS)
    if os.geteuid() == 0 and has_programs and _capability("CapEff", _CAP_SYS_ADMIN):
        return ""
    return "" if _users() is not None else str(not_reachable())


def find() -> Docker | None:
    """The engine in use, without starting one."""
    users = _users()
    if users is not None:
        return users
    if not _socket().exists():
        return None
    docker = _own()
    return docker if docker.answers(_ANSWER_SECONDS) else None


def release() -> None:
    """Stops our own engine unless a cluster still runs in it, and restores the host's network.

    Also clears what a killed run left of it. The user's engine is never touched.
    """
    if not _root().exists() or os.geteuid() != 0:
        return
    with only_one("engine"):
        if find_program("docker") is None:
            return
        docker = _own()
        if docker.answers(_ANSWER_SECONDS):
            # Ended ones are leftovers of a crash: `up` removes that of its own cluster.
            if docker.containers(NODE_LABEL, running=True):
                return
            record_bridges(docker)
        say("stopping the container engine")
        _clear()


def record_bridges(docker: Docker) -> None:
    """Remembers the bridges of our own engine, so that they can be removed even after a crash."""
    if docker.own:
        hostnet.record_bridges(_root() / "network.json", docker.bridges())


def _users() -> Docker | None:
    """The Docker that the user's own settings lead to."""
    program = find_program("docker")
    if program is None or os.environ.get("DOCKER_HOST") == _address():
        return None
    docker = Docker(Path(program), own=False)
    return docker if docker.answers() else None


def _own() -> Docker:
    # Debian's command line fits Debian's engine; another docker may come first on PATH.
    program = next(
        path for path in ("/usr/bin/docker", find_program("docker")) if path and Path(path).exists()
    )
    links = _root() / "bin"
    links.mkdir(parents=True, exist_ok=True)
    link = links / "docker"
    if not link.is_symlink() or link.readlink() != Path(program):
        with once.alone(link), once.draft(link) as draft:
            (draft / "docker").symlink_to(program)
            (draft / "docker").replace(link)
    settings = _root() / "config"
    settings.mkdir(exist_ok=True)
    env = {
        "DOCKER_HOST": _address(),
        # Not the user's: contexts and credential helpers of another engine would get in the way.
        "DOCKER_CONFIG": str(settings),
        "DOCKER_BUILDKIT": "0",
        # kind calls `docker`: let it find the same one.
        "PATH": f"{links}:{os.environ['PATH']}",
    }
    return Docker(link, own=True, env=env)


def _running(docker: Docker) -> bool:
    records = [recall(_record(name)) for name in _DAEMONS]
    alive = all(record is not None and record.alive() for record in records)
    return alive and docker.answers(_ANSWER_SECONDS) and hostnet.docker_chains_intact()


def _start(docker: Docker) -> None:
    start = time.monotonic()
    root, runtime = _root(), _runtime_dir()
    for folder in (root / "data", runtime):
        folder.mkdir(parents=True, exist_ok=True)
    hostnet.record(root / "network.json")
    containerd = runtime / "containerd.sock"
    settings = root / "containerd.toml"
    settings.write_text('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
    folders = [f"--root={root / 'containerd'}", f"--state={runtime / 'containerd'}"]
    _launch("containerd", [f"--config={settings}", f"--address={containerd}", *folders])
    _await("containerd", containerd.exists)
    flags = [
        f"--host={_address()}",
        f"--containerd={containerd}",
        f"--data-root={root / 'data'}",
        f"--exec-root={runtime / 'exec'}",
        f"--pidfile={runtime / 'docker.pid'}",
        "--bridge=none",
        *_bounded_runtime(),
    ]
    _launch("dockerd", flags)
    _await("dockerd", docker.answers)
    record_bridges(docker)
    say(f"container engine of our own: {time.monotonic() - start:.1f} s ({_address()})")


def _capability(which: str, number: int) -> bool:
    """Whether a set of this process's capabilities (`CapEff`, `CapBnd`) has one."""
    status = Path("/proc/self/status")
    # Elsewhere than on Linux there is none.
    found = status.read_text().split(f"{which}:")[1].split()[0] if status.exists() else "0"
    return bool(int(found, 16) >> number & 1)


def _bounded_runtime() -> list[str]:
    """A runtime without the capability that this machine cannot give, where it cannot."""
    if _capability("CapBnd", _CAP_SYS_RESOURCE):
        return []
    wrapper = _root() / "runc-bounded"
    shutil.copy(Path(__file__).with_name("node") / "runc-bounded", wrapper)
    return [f"--add-runtime=bounded={wrapper}", "--default-runtime=bounded"]


def _launch(name: str, flags: Sequence[str]) -> None:
    program = find_program(name)
    with _log(name).open("wb") as log:
        started = subprocess.Popen(
            [str(program), *flags],
            env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
            cwd=_root(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    record = Process.of(started.pid, name)
    if record is not None:
        remember(record, _record(name))


def _await(name: str, ready: Callable[[], bool]) -> None:
    end = time.monotonic() + _START_SECONDS
    while not ready():
        record = recall(_record(name))
        if record is None or not record.alive() or time.monotonic() > end:
            lines = _log(name).read_text(errors="replace").splitlines()[-15:]
            raise ClusterError(f"{name} did not start; the end of {_log(name)}:\n" + "\n".join(lines))
        time.sleep(0.1)


def _clear() -> None:
    """Ends whatever is left of our engine, and restores the host's network."""
    for name in _DAEMONS:
        record = recall(_record(name))
        if record is not None:
            record.stop(grace=30)
        _record(name).unlink(missing_ok=True)
    # A daemon that was started just before its starter was killed has no record, and shims outlive both.
    leftovers.end_processes(_runtime_dir())
    leftovers.unmount([_runtime_dir(), _root()])
    shutil.rmtree(_runtime_dir(), ignore_errors=True)
    # containerd's shims keep their sockets here, whatever its own folders are.
    leftovers.remove_if_empty([Path("/run/containerd/s"), Path("/run/containerd")])
    hostnet.restore(_root() / "network.json", shared=leftovers.another_docker())


def _root() -> Path:
    return paths.engine_dir()


def _runtime_dir() -> Path:
    """State that is worth nothing once the engine has ended: sockets, mounts, pids."""
    near = _root() / "run"
    if len(str(near)) < 70:
        return near
    # The kernel takes 107 characters for a socket's path.
    return Path(f"/run/fairlead-{hashlib.sha256(str(near).encode()).hexdigest()[:12]}")


def _socket() -> Path:
    return _runtime_dir() / "docker.sock"


def _address() -> str:
    return f"unix://{_socket()}"


def _record(name: str) -> Path:
    return _root() / f"{name}.process.json"


def _log(name: str) -> Path:
    return _root() / f"{name}.log"
