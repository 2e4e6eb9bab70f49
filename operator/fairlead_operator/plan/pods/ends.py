"""How a container ended, and why.

The engine launcher and the download write the cause into the termination message (`{"reason", "message"}`).
Any program of a pod can write such a message, so only the reasons that those two use are taken over. The text
of any other is kept under the reason of the container that ended.
"""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from typing import Any

from fairlead_contract.bounds import WORD_CHARACTERS
from fairlead_operator.api.names import ENGINE_CONTAINER, GATEWAY_CONTAINER, WEIGHTS_CONTAINER
from fairlead_operator.plan.catalogue.reasons import may_be_claimed
from fairlead_operator.plan.findings import Finding, parse_time, steady
from fairlead_operator.plan.text import clean

Object = dict[str, Any]

START_REASONS = frozenset(
    {"CreateContainerError", "RunContainerError", "CreatePodSandboxError", "StartError", "ContainerCannotRun"}
)
_CRASHED = {
    ENGINE_CONTAINER: "EngineCrashed",
    GATEWAY_CONTAINER: "GatewayFailed",
    WEIGHTS_CONTAINER: "WeightsDownloadFailed",
}
# So many ends after short runs count as repeated. After a run of ten minutes the kubelet resets its back-off
# too.
_REPEATED_RESTARTS = 3
_SHORT_LIFE_SECONDS = 600.0
# A shell and the container runtime report the end by signal N as this plus N.
_SIGNAL_BASE = 128


@dataclass(frozen=True)
class Cause:
    """Why a container ended. `claimed`: text and reason are from the container. `quoted`: the text is from
    the container.
    """

    reason: str
    text: str
    claimed: bool = False
    quoted: bool = False


def crash_reason(container: str, init: bool) -> str:
    """The reason under which an end of this container is reported if it gives none itself."""
    return _CRASHED.get(container) or ("InitContainerFailed" if init else "ContainerFailed")


def last_end(container: Object) -> Object | None:
    """How a container ended the last time."""
    end: Object | None = container.get("state", {}).get("terminated")
    return end or container.get("lastState", {}).get("terminated")


def cause_of(container: Object, end: Object, crashed: str, limit: str = "") -> Cause:
    """Why a container ended. `crashed` is the reason if it gives none itself; `limit` is its memory limit."""
    name, text = container["name"], clean(end.get("message")).strip()
    if found := _claimed_in(text, crashed):
        reason, message = found
        if reason == "HostOutOfMemory" and limit:
            message = f"{message.rstrip('. ')}. The container's memory limit is {limit}"
        return Cause(reason, message, claimed=True, quoted=True)
    if end.get("reason") == "OOMKilled":
        return Cause("HostOutOfMemory", _killed_for_memory(name, limit))
    if end.get("reason") in START_REASONS:
        return Cause("ContainerStartFailed", steady(text) or "the container runtime gives no reason")
    if text:
        return Cause(crashed, steady(text), quoted=True)
    silent = "CrashLoop" if name == ENGINE_CONTAINER else crashed
    return Cause(silent, f"exited with code {_exit_code(end)} and left no message")


def end_finding(container: Object, end: Object, pod: str, crashed: str, limit: str = "") -> Finding:
    """Why a container of a pod ended, as a finding. It is the same whether the container has just ended,
    waits to be started again or runs again. A claimed cause may also come from the gateway while the
    container still runs, so its message has nothing that is known only at the end, such as the exit code.
    """
    name, cause = container["name"], cause_of(container, end, crashed, limit)
    repeated = container.get("restartCount", 0) >= _REPEATED_RESTARTS and (
        _life_seconds(end) < _SHORT_LIFE_SECONDS or (cause.claimed and cause.reason == "EngineStartTimeout")
    )
    where = f"container {name} of pod {pod}"
    if cause.reason == "ContainerStartFailed" and not cause.claimed:
        return Finding(cause.reason, f"{where}: {cause.text}")
    if cause.claimed:
        return Finding(cause.reason, f"{cause.text} (pod {pod})", repeated)
    if cause.quoted:
        return Finding(cause.reason, f"{cause.text} ({where}, exit code {_exit_code(end)})", repeated)
    what = (
        "the engine in"
        if name == ENGINE_CONTAINER and cause.reason == "HostOutOfMemory"
        else f"container {name} of"
    )
    return Finding(cause.reason, f"{what} pod {pod} {cause.text}", repeated)


def claimed(reason: str, message: str, otherwise: str) -> tuple[str, str]:
    """Reason and text of a claimed cause. A reason that the container may not claim becomes a part of the
    text.
    """
    if may_be_claimed(reason):
        return reason, steady(message) or reason
    return otherwise, steady(f"{reason}: {message}" if message else reason)


def _claimed_in(text: str, crashed: str) -> tuple[str, str] | None:
    """Reason and text of a termination message in our form; `crashed` is the reason if the container may not
    claim its own.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not (reason := clean(document.get("reason"), WORD_CHARACTERS)):
        return None
    return claimed(reason, clean(document.get("message")), crashed)


def _killed_for_memory(name: str, limit: str) -> str:
    if not limit:
        return "was killed because the node ran out of memory: it has no memory limit of its own"
    field = "spec.resources.limits.memory" if name == ENGINE_CONTAINER else "resources in spec.podTemplate"
    return f"was killed at its memory limit of {limit} ({field})"


def _exit_code(end: Object) -> str:
    code = end.get("exitCode")
    if isinstance(code, int) and code > _SIGNAL_BASE:
        try:
            return f"{code} ({signal.Signals(code - _SIGNAL_BASE).name})"
        except ValueError:
            return str(code)
    return str(code)


def _life_seconds(end: Object) -> float:
    started, finished = parse_time(end.get("startedAt")), parse_time(end.get("finishedAt"))
    return (finished - started).total_seconds() if started and finished else 0.0
