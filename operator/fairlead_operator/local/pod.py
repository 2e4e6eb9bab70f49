"""A rendered pod on this machine: its containers as processes. Pure.

The pod template is the operator's own. Only what a machine without containers lacks is replaced: images by
programs of this installation, paths of mounts by folders, and the gateway's ports, which several pods cannot
share, by free ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fairlead_contract.names import ADMIN_PORT, API_PORT, GATEWAY_VARIABLES
from fairlead_operator.api.names import ENGINE_CONTAINER, GATEWAY_CONTAINER, WEIGHTS_CONTAINER
from fairlead_operator.local.environment import LOOPBACK, expanded, variables
from fairlead_operator.local.errors import LocalError
from fairlead_operator.local.paths import ContainerPaths
from fairlead_operator.local.sources import Sources
from fairlead_operator.local.volumes import Folder, mounts_of, pod_folders

Object = dict[str, Any]

# Endpoints reach the router of this machine at once, so a drain need not wait for late requests.
LINGER_SECONDS = 0.2
TERMINATION_LOGS = "termination"
_PYTHONS = ("python", "python3")
# Both have this option, because outside a container the default path is the machine's own.
_REPORTERS = (ENGINE_CONTAINER, WEIGHTS_CONTAINER)


@dataclass(frozen=True)
class Program:
    """The substitute for an image: its entry point, its Python interpreter, and its own environment."""

    python: str
    entrypoint: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where a pod runs: its folder, its ports by those of the containers, and folders that outlive it, by
    volume. `environment` is what containers get from this machine.
    """

    name: str
    folder: str
    ports: Mapping[int, int]
    kept: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Probe:
    """An HTTP probe, as the kubelet does it. Times are in seconds."""

    path: str
    port: int
    period: float = 10.0
    timeout: float = 1.0
    failures: int = 3
    delay: float = 0.0
    grace: float | None = None
    """How long the container may take to end when the probe fails; None: as long as the pod."""


@dataclass(frozen=True)
class Process:
    """One container. `sidecar` if it starts before the others and ends after them."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    termination_log: str
    sidecar: bool = False
    startup: Probe | None = None
    readiness: Probe | None = None
    liveness: Probe | None = None
    pre_stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pod:
    """A pod: containers in the order of their start, first those before the engine's, and folders to make."""

    name: str
    folder: str
    init: tuple[Process, ...]
    main: tuple[Process, ...]
    folders: tuple[Folder, ...]
    grace_seconds: float
    api_port: int
    admin_port: int


def plan_pod(
    template: Object, namespace: str, place: Place, programs: Mapping[str, Program], sources: Sources
) -> Pod:
    """The pod of a rendered template. `programs` are by image. Raises LocalError."""
    spec = template["spec"]
    folders = pod_folders(spec, place.folder, place.kept, sources)
    facts = {
        "metadata.name": place.name,
        "metadata.namespace": namespace,
        "status.podIP": LOOPBACK,
        "status.hostIP": LOOPBACK,
        "spec.nodeName": "localhost",
    }
    planner = _Planner(place, facts, folders, programs, sources)
    kinds = {kind: planner.processes(spec.get(kind) or ()) for kind in ("initContainers", "containers")}
    return Pod(
        name=place.name,
        folder=place.folder,
        init=kinds["initContainers"],
        main=kinds["containers"],
        folders=tuple(folders.values()),
        grace_seconds=float(spec.get("terminationGracePeriodSeconds", 30)),
        api_port=place.ports[API_PORT],
        admin_port=place.ports[ADMIN_PORT],
    )


@dataclass(frozen=True)
class _Planner:
    place: Place
    facts: Mapping[str, str]
    folders: Mapping[str, Folder]
    programs: Mapping[str, Program]
    sources: Sources

    def processes(self, containers: Sequence[Object]) -> tuple[Process, ...]:
        """Those whose image is here; the others are named by `cluster_only`."""
        return tuple(self._process(item) for item in containers if item["image"] in self.programs)

    def _process(self, container: Object) -> Process:
        name = container["name"]
        program = self.programs[container["image"]]
        mounts = mounts_of(container, self.folders)
        paths = ContainerPaths(mounts)
        try:
            own = variables(container, self.facts, self.sources)
        except LocalError as error:
            raise LocalError(*(f"container {name}: {text}" for text in error.problems)) from None
        environment = {**self.place.environment, **program.environment}
        if "/tmp" in mounts:  # noqa: S108 -- a mount of the rendered pod
            environment["TMPDIR"] = mounts["/tmp"]  # noqa: S108
        environment |= {key: paths.local(value) for key, value in own.items()}
        if name == GATEWAY_CONTAINER:
            environment |= self._gateway_settings()
        termination_log = f"{self.place.folder}/{TERMINATION_LOGS}/{name}"
        command = self._command(container, program, own, paths, termination_log)
        hook = ((container.get("lifecycle") or {}).get("preStop") or {}).get("exec") or {}
        probes = {
            kind: self._probe(container, f"{kind}Probe") for kind in ("startup", "readiness", "liveness")
        }
        return Process(
            name=name,
            command=command,
            environment=environment,
            termination_log=termination_log,
            sidecar=container.get("restartPolicy") == "Always",
            pre_stop=self._hook(tuple(map(paths.local, hook.get("command") or ())), program),
            **probes,
        )

    def _command(
        self, container: Object, program: Program, own: Mapping[str, str], paths: ContainerPaths, log: str
    ) -> tuple[str, ...]:
        words = {
            kind: [paths.local(expanded(str(word), own)) for word in container.get(kind) or ()]
            for kind in ("command", "args")
        }
        command = self._with_python(words["command"], program) or list(program.entrypoint)
        reports = ["--termination-log", log] if container["name"] in _REPORTERS else []
        return (*command, *reports, *words["args"])

    def _hook(self, words: tuple[str, ...], program: Program) -> tuple[str, ...]:
        """A preStop command, with the ports of this pod: the launcher's hook takes one as an option."""
        ports = {str(port): str(local) for port, local in self.place.ports.items()}
        after = ("", *words)
        local = [
            ports.get(word, word) if before == "--port" else word
            for before, word in zip(after, words, strict=False)
        ]
        return tuple(self._with_python(local, program))

    def _with_python(self, words: Sequence[str], program: Program) -> list[str]:
        return [program.python, *words[1:]] if words and words[0] in _PYTHONS else list(words)

    def _gateway_settings(self) -> dict[str, str]:
        settings = {
            "HOST": LOOPBACK,
            "API_PORT": self.place.ports[API_PORT],
            "ADMIN_PORT": self.place.ports[ADMIN_PORT],
            "LINGER_SECONDS": LINGER_SECONDS,
        }
        return {f"{GATEWAY_VARIABLES}{name}": str(value) for name, value in settings.items()}

    def _probe(self, container: Object, kind: str) -> Probe | None:
        probe = container.get(kind) or {}
        if not (get := probe.get("httpGet")):
            return None
        named = {port.get("name"): port["containerPort"] for port in container.get("ports") or ()}
        port = named.get(get["port"], get["port"])
        return Probe(
            path=get.get("path") or "/",
            port=self.place.ports.get(port, port),
            period=float(probe.get("periodSeconds", 10)),
            timeout=float(probe.get("timeoutSeconds", 1)),
            failures=int(probe.get("failureThreshold", 3)),
            delay=float(probe.get("initialDelaySeconds", 0)),
            grace=probe.get("terminationGracePeriodSeconds"),
        )
