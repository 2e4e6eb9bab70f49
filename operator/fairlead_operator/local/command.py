"""`fairlead run`: models on this machine, without a cluster. All is checked before anything is started."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path

from fairlead_operator.local import cluster_only, machine, programs
from fairlead_operator.local.demo import demo_documents
from fairlead_operator.local.demo_model import prepare_demo
from fairlead_operator.local.engine_env import ensure_engine
from fairlead_operator.local.environment import inherited
from fairlead_operator.local.errors import LocalError
from fairlead_operator.local.guide import guide
from fairlead_operator.local.locks import hold_if_free
from fairlead_operator.local.manifests import GivenModel, InvalidModelsError, read_files, read_input
from fairlead_operator.local.once import cache_root
from fairlead_operator.local.router import router_process
from fairlead_operator.local.run_dir import RunDir
from fairlead_operator.local.sources import Sources
from fairlead_operator.local.supervisor import Setting, Supervisor
from fairlead_operator.local.workload import Workload, engine_program, gateway_program, workload
from fairlead_operator.progress import Progress

INTERRUPTED = 130
# Plans are made with it before there is an engine: only what they refer to is looked at.
_NO_ENGINE = Path("/nonexistent/python")
_NO_PORTS = repeat(0)
_ASK_BUILD = "import importlib.metadata as m; print('torch', m.version('torch'))"
# So much of a folder's path is left for pods and sockets below it.
_SHORT_FOLDER = Path("/tmp")  # noqa: S108 -- mkdtemp makes a folder of its own in it


def run_local(options: Namespace) -> int:
    """Runs the models until Ctrl-C. Returns 0, 1 if a manifest is invalid, 2 if the models cannot run here,
    130 if everything was ended at once.
    """
    progress = Progress()
    try:
        with _run_dir(options.run_dir) as run_dir:
            return _Run(options, run_dir, progress).run()
    except KeyboardInterrupt:
        return INTERRUPTED
    except LocalError as error:
        sys.stderr.write("".join(f"{text}\n" for text in error.problems))
        return 1 if isinstance(error, InvalidModelsError) else 2
    except OSError as error:
        sys.stderr.write(f"fairlead run: {error}\n")
        return 2


class _Run:
    def __init__(self, options: Namespace, run_dir: RunDir, progress: Progress) -> None:
        self._options, self._run_dir, self._progress = options, run_dir, progress
        self._environment = inherited(os.environ)

    def run(self) -> int:
        if not (self._options.files or self._options.demo):
            raise LocalError("fairlead run needs -f FILE or --demo; the operator is `fairlead operator`")
        if problem := machine.port_problem(self._options.port):
            raise LocalError(problem)
        engine, documents = None, read_files(self._options.files or ())
        if self._options.demo:
            engine, folder = prepare_demo(self._progress, engine_venv=self._options.engine_venv)
            documents += demo_documents(folder)
        given, sources = read_input(documents, self._options.secrets or (), self._options.volumes or ())
        gpus = self._check(given, sources)
        engine = engine or ensure_engine(self._progress, engine_venv=self._options.engine_venv)
        admin_port, *ports = machine.free_ports(1 + 2 * len(given), beside=self._options.port)
        workloads = self._workloads(given, sources, engine, gpus, ports)
        return self._supervise(given, workloads, admin_port)

    def _check(self, given: Sequence[GivenModel], sources: Sources) -> Mapping[str, str]:
        """The GPUs of each model. Raises LocalError with every problem that shows before a start."""
        problems = [
            f"{item.at(field)}: {field}: {text}"
            for item in given
            for field, text in cluster_only.obstacles(item.model)
        ]
        gpus, missing = machine.assigned_gpus(
            given, machine.gpus(os.environ), cpu_engine=self._has_cpu_engine(given)
        )
        problems += missing
        problems += machine.memory_problems(given, machine.available_memory())
        if not problems:
            problems += self._reference_problems(given, sources)
        if problems:
            raise LocalError(*problems)
        for item in given:
            for field, text in cluster_only.warnings(item.model):
                self._progress.say(f"{item.at(field)}: warning: {field}: {text}")
        return gpus

    def _reference_problems(self, given: Sequence[GivenModel], sources: Sources) -> list[str]:
        """Absent things that the pods refer to, found by planning them."""
        found = []
        for item, planned in zip(
            given, self._workloads(given, sources, _NO_ENGINE, {}, _NO_PORTS), strict=True
        ):
            try:
                pod = planned.plan(item.model.name)
            except LocalError as error:
                found += [f"{item.at()}: {text}" for text in error.problems]
                continue
            absent = [
                folder.path for folder in pod.folders if not folder.made and not Path(folder.path).is_dir()
            ]
            found += [
                f"{item.at('spec.model')}: there is no folder {path} on this machine" for path in absent
            ]
            found += [text for text in [machine.socket_problem(pod.folder)] if text]
        return found

    def _has_cpu_engine(self, given: Sequence[GivenModel]) -> bool:
        """Whether --engine-venv names a build for the CPU, on which accelerators mean nothing."""
        venv = self._options.engine_venv
        if venv is None or not any(item.model.spec.accelerator for item in given):
            return False
        python = ensure_engine(self._progress, engine_venv=venv)
        cpu = "+cpu" in programs.run(
            [python, "-c", _ASK_BUILD], hint=f"--engine-venv {venv}: no torch is there"
        )
        if cpu:
            for item in given:
                if item.model.spec.accelerator:
                    text = "the engine of --engine-venv is built for the CPU; it uses no accelerator"
                    self._progress.say(f"{item.at('spec.accelerator')}: warning: spec.accelerator: {text}")
        return cpu

    def _workloads(
        self,
        given: Sequence[GivenModel],
        sources: Sources,
        engine: Path,
        gpus: Mapping[str, str],
        ports: Iterable[int],
    ) -> list[Workload]:
        """The input from which the pods of each model are planned; `ports` are two for each."""
        port = iter(ports)
        return [
            workload(
                item,
                sources,
                engine_program(engine, self._environment, gpus.get(item.key)),
                folder=self._run_dir.pod(item.folder),
                cache=cache_root(),
                ports=(next(port), next(port)),
                environment=self._environment,
            )
            for item in given
        ]

    def _supervise(self, given: Sequence[GivenModel], workloads: Sequence[Workload], admin_port: int) -> int:
        models = [item.model for item in given]
        plans = {item.key: planned for item, planned in zip(given, workloads, strict=True)}
        program = gateway_program(self._environment)
        setting = Setting(
            given=given,
            plan=lambda item, name: plans[item.key].plan(name),
            router=lambda api_port: router_process(
                program,
                self._environment,
                models,
                port=self._options.port,
                admin_port=admin_port,
                api_port=api_port,
                folder=str(self._run_dir.router),
            ),
            router_admin_port=admin_port,
            run_dir=self._run_dir,
            verbose=self._options.verbose,
        )

        def ready() -> None:
            sys.stdout.write(guide(models, self._options.port))
            sys.stdout.flush()

        async def supervise() -> bool:
            supervisor = Supervisor(setting, self._progress, ready)
            await supervisor.run()
            return supervisor.killed

        router_ports = (self._options.port, admin_port)
        self._run_dir.write_ports(router_ports, {key: planned.ports for key, planned in plans.items()})
        self._progress.say(f"logs are in {self._run_dir.path / 'logs'}")
        return INTERRUPTED if asyncio.run(supervise()) else 0


@contextmanager
def _run_dir(given: Path | None) -> Iterator[RunDir]:
    """The folder of this run: the given one, which stays, or a new one. Raises LocalError."""
    if given is not None:
        folder = given.expanduser().absolute()
        machine.check_folder(folder, "--run-dir")
        run_dir = RunDir(folder)
        with hold_if_free(run_dir.lock) as free:
            if not free:
                raise LocalError(f"--run-dir: another run uses {folder}; choose another folder")
            yield run_dir
        return
    try:
        # A Unix socket's path must stay short, so not in a TMPDIR of any length.
        made = Path(tempfile.mkdtemp(prefix="fairlead-", dir=_SHORT_FOLDER))
    except OSError as error:
        raise LocalError(f"{_SHORT_FOLDER}: {error.strerror}; name a folder with --run-dir") from None
    try:
        yield RunDir(made)
    finally:
        shutil.rmtree(made, ignore_errors=True)
