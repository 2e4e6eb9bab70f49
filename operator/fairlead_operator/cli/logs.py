"""`fairlead logs NAME`: the logs of the containers of a model's pods, through the API server."""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from fairlead_contract.names import MODEL_LABEL
from fairlead_operator.api.names import ENGINE_CONTAINER
from fairlead_operator.bounds import LOG_STREAMS, MODEL_PODS
from fairlead_operator.cli.cluster import ClusterError, cluster
from fairlead_operator.cli.explain import ExplainError, find_model
from fairlead_operator.cli.log_text import LogLine, line_document, parse_line, shown
from fairlead_operator.cli.output import painter
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.connection import default_namespace
from fairlead_operator.kube.errors import KubeError
from fairlead_operator.kube.resources import POD
from fairlead_operator.plan.text import clean

Object = dict[str, Any]
Stream = AsyncIterator[LogLine]

# Names for what Kubernetes knows by another one.
_ALIASES = {"engine": ENGINE_CONTAINER}
_OLDEST = datetime.min.replace(tzinfo=UTC)


class LogsError(Exception):
    """There are no logs; the text has the cause and the remedy."""


def run_logs(options: Namespace) -> int:
    """Prints the logs; 0 if there are any containers that have them, 1 if not."""
    try:
        return asyncio.run(_logs(options))
    except (LogsError, ExplainError, ClusterError) as error:
        sys.stderr.write(f"fairlead logs: {error}\n")
        return 1


async def _logs(options: Namespace) -> int:
    async with cluster(options) as client:
        namespace = options.namespace or default_namespace(options.kubeconfig, options.context)
        model = (await find_model(client, namespace, options.name))["metadata"]
        selector = f"{MODEL_LABEL}={model['name']}"
        pods = await client.list(POD, model["namespace"], selector, most=MODEL_PODS, keep=_containers)
        targets = _targets(pods, options)
        width = max(len(f"{pod} {container}") for pod, container in targets) if len(targets) > 1 else 0
        failures: list[str] = []
        streams = [_stream(client, model["namespace"], target, options, failures) for target in targets]
        await _print(streams, options, width)
        return int(len(failures) == len(targets))


def _containers(pod: Object) -> Object:
    """Names of a pod and its containers, in the order in which they start."""
    spec = pod["spec"]
    listed = [*(spec.get("initContainers") or ()), *spec["containers"]]
    return {"name": pod["metadata"]["name"], "containers": [item["name"] for item in listed]}


def _targets(pods: Sequence[Object], options: Namespace) -> list[tuple[str, str]]:
    """(pod, container) of each log to read. Raises LogsError."""
    if not pods:
        raise LogsError(f"{options.name} has no pods; `fairlead explain {options.name}` says why")
    chosen = [pod for pod in pods if options.pod in (None, pod["name"])]
    if not chosen:
        raise LogsError(f"{options.name} has no pod {options.pod}; its pods are {_names(pods)}")
    wanted = {_ALIASES.get(name, name) for name in options.container or ()}
    found = [
        (pod["name"], container)
        for pod in sorted(chosen, key=lambda pod: str(pod["name"]))
        for container in pod["containers"]
        if container in wanted or not wanted
    ]
    if not found:
        names = ", ".join(chosen[0]["containers"])
        raise LogsError(f"there is no container {' or '.join(sorted(wanted))}; the containers are {names}")
    if len(found) > LOG_STREAMS:
        note = f"showing {LOG_STREAMS} of {len(found)} logs; choose with --pod and --container"
        sys.stderr.write(f"fairlead logs: {note}\n")
    return found[:LOG_STREAMS]


def _names(pods: Sequence[Object]) -> str:
    return ", ".join(sorted(str(pod["name"]) for pod in pods))


async def _stream(
    client: KubeClient, namespace: str, target: tuple[str, str], options: Namespace, failures: list[str]
) -> Stream:
    """The lines of one container; a failure is noted and ends them."""
    pod, container = target
    query = {"container": container, "timestamps": "true"}
    query |= {"follow": "true"} if options.follow else {}
    query |= {"previous": "true"} if options.previous else {}
    query |= {"tailLines": str(options.tail)} if options.tail >= 0 else {}
    query |= {"sinceSeconds": str(options.since)} if options.since else {}
    try:
        async with aclosing(client.log_lines(namespace, pod, query)) as lines:
            async for line in lines:
                yield parse_line(pod, container, line)
    except KubeError as error:
        failures.append(pod)
        sys.stderr.write(f"fairlead logs: {pod} {container}: {clean(str(error))}\n")


async def _print(streams: Sequence[Stream], options: Namespace, width: int) -> None:
    paint = painter(sys.stdout)

    def write(line: LogLine) -> None:
        text = line_document(line) if options.output == "json" else shown(line, width, paint)
        sys.stdout.write(f"{text}\n")

    if options.follow:
        await asyncio.gather(*(_write_as_it_comes(stream, write) for stream in streams))
    else:
        await _write_by_time(streams, write)


async def _write_as_it_comes(stream: Stream, write: Callable[[LogLine], None]) -> None:
    async for line in stream:
        write(line)
        sys.stdout.flush()


async def _write_by_time(streams: Sequence[Stream], write: Callable[[LogLine], None]) -> None:
    """The lines of all, the oldest first. Of each only one line is in memory."""
    heads = await asyncio.gather(*(anext(stream, None) for stream in streams))
    waiting = {index: line for index, line in enumerate(heads) if line is not None}
    while waiting:
        index = min(waiting, key=lambda index: waiting[index].time or _OLDEST)
        write(waiting.pop(index))
        if (line := await anext(streams[index], None)) is not None:
            waiting[index] = line
