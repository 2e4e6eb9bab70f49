"""Formats the output of `fairlead explain` from the facts of a model. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fairlead_contract.status import PodReport
from fairlead_operator.cli.output import Paint, table
from fairlead_operator.objects import condition, is_leaving, is_true
from fairlead_operator.plan.catalogue.reasons import CATALOGUE
from fairlead_operator.plan.findings import Finding, last_seen, parse_time
from fairlead_operator.plan.text import clean

Object = dict[str, Any]

_EVENTS = 10
_UNITS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_PHASES = ("scheduling", "preparing", "download", "engine", "total")


@dataclass(frozen=True)
class ModelFacts:
    """The facts about a model: the stored object and the status that follows from what is observed now; its
    pods, why each is not ready, and the statuses from their gateways; Events; what the operator would do
    next; and what could not be read.
    """

    body: Object
    status: Object
    pods: Sequence[Object] = ()
    causes: Mapping[str, Finding] = field(default_factory=dict)
    reports: Mapping[str, PodReport] = field(default_factory=dict)
    events: Sequence[Object] = ()
    next_step: str = ""
    notes: Sequence[str] = ()


def report(facts: ModelFacts, now: datetime) -> str:
    """The whole text."""
    sections = [
        _summary(facts),
        _table("PODS", ("NAME", "STATE", "NODE", "AGE", "ABOUT"), _pods(facts, now)),
        _weights(facts.status.get("weights")),
        _startup(facts.status.get("startup")),
        _failure(facts.status, now),
        _table("CONDITIONS", ("TYPE", "STATUS", "REASON", "SINCE"), _conditions(facts.status, now)),
        _table("EVENTS", ("AGE", "TYPE", "REASON", "OBJECT", "NOTE"), _events(facts.events, now)),
        [f"NEXT: {facts.next_step}"] if facts.next_step else [],
        [f"NOTE: {note}" for note in facts.notes],
    ]
    text = "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"
    # Conditions and Events have other writers too, and a terminal executes control sequences.
    return clean(text, len(text))


def highlighted(text: str, paint: Paint) -> str:
    """A report with its titles and its state in colours."""
    return "\n".join(_highlighted_line(line, paint) for line in text.split("\n"))


def _highlighted_line(line: str, paint: Paint) -> str:
    title, colon, rest = line.partition(":")
    if title == "Ready" and colon:
        return paint(line, "good")
    if title == "Not ready" and colon:
        return paint(line, "bad")
    return paint(title, "title") + colon + rest if title.isupper() and title == title.strip() else line


def report_document(facts: ModelFacts) -> Object:
    """The facts for programs: the shape of `--output json`, which docs/cli.md documents."""
    metadata, ready = facts.body["metadata"], condition(facts.status, "Ready")
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "ready": ready.get("status") == "True",
        "reason": ready.get("reason", "Unknown"),
        "message": ready.get("message", ""),
        "stalled": condition(facts.status, "Stalled").get("status") == "True",
        "status": facts.status,
        "pods": [_pod_document(facts, pod) for pod in _sorted_pods(facts)],
        "events": sorted(facts.events, key=last_seen),
        "next": facts.next_step,
        "notes": list(facts.notes),
    }


def _pod_document(facts: ModelFacts, pod: Object) -> Object:
    name = pod["metadata"]["name"]
    cause, pod_report = facts.causes.get(name), facts.reports.get(name)
    return {
        "name": name,
        "state": _state(pod),
        "node": pod.get("spec", {}).get("nodeName"),
        "created": pod["metadata"].get("creationTimestamp"),
        "reason": cause.reason if cause else None,
        "message": cause.message if cause else None,
        "requestsInFlight": pod_report.in_flight if pod_report else None,
        "requestsQueued": pod_report.queued if pod_report else None,
    }


def _sorted_pods(facts: ModelFacts) -> list[Object]:
    return sorted(facts.pods, key=lambda pod: str(pod["metadata"]["name"]))


def _summary(facts: ModelFacts) -> list[str]:
    metadata, spec = facts.body["metadata"], facts.body.get("spec", {})
    ready = condition(facts.status, "Ready")
    wanted = facts.status.get("desiredReplicas", spec.get("replicas", 1))
    serving = facts.status.get("readyReplicas", 0)
    source = spec.get("model", {}).get("source", "no source")
    title = f"ModelDeployment {metadata['namespace']}/{metadata['name']} ({source})"
    lines = [f"{title}: {serving} of {wanted} replicas answer requests", ""]
    if is_leaving(facts.body):
        return [*lines, "It is being deleted."]
    reason = ready.get("reason", "Unknown")
    lines.append(f"{'Ready' if ready.get('status') == 'True' else 'Not ready'}: {reason}")
    if known := CATALOGUE.get(reason):
        lines.append(f"  {known.meaning}")
    if message := ready.get("message"):
        lines.append(f"  {message}")
    if condition(facts.status, "Stalled").get("status") == "True":
        lines.append("  Waiting does not help: this needs a change.")
    return lines


def _pods(facts: ModelFacts, now: datetime) -> Iterator[tuple[str, ...]]:
    for pod in _sorted_pods(facts):
        name = pod["metadata"]["name"]
        about = [_cause(facts.causes.get(name)), *_load(facts.reports.get(name))]
        yield (
            name,
            _state(pod),
            pod.get("spec", {}).get("nodeName") or "-",
            age(pod["metadata"].get("creationTimestamp"), now),
            "; ".join(part for part in about if part) or "-",
        )


def _cause(finding: Finding | None) -> str:
    return f"{finding.reason}: {finding.message}" if finding else ""


def _state(pod: Object) -> str:
    if is_leaving(pod):
        return "Draining"
    phase = pod.get("status", {}).get("phase", "Pending")
    if phase in ("Failed", "Succeeded"):
        return str(phase)
    return "Ready" if is_true(pod, "Ready") else "Starting"


def _load(pod_report: PodReport | None) -> Iterator[str]:
    if pod_report is None:
        return
    yield f"{pod_report.in_flight} requests in flight, {pod_report.queued} queued"
    if pod_report.unresponsive_seconds:
        yield f"no token for {pod_report.unresponsive_seconds:.0f} s"


def _weights(weights: Object | None) -> list[str]:
    if not weights:
        return []
    total = f" of {_size(weights['totalBytes'])}" if weights.get("totalBytes") else ""
    share = f", {weights['percent']} %" if "percent" in weights else ""
    amount = f"{_size(weights.get('bytes', 0))}{total}{share}"
    return [f"WEIGHTS: {weights['phase']} {weights.get('source', '')} ({amount}), pod {weights.get('pod')}"]


def _startup(startup: Object | None) -> list[str]:
    if not startup:
        return []
    phases = [
        f"{phase} {startup[f'{phase}Seconds']} s" for phase in _PHASES if startup.get(f"{phase}Seconds")
    ]
    return [f"LAST START: {', '.join(phases) or 'less than a second'} (pod {startup['pod']})"]


def _failure(status: Object, now: datetime) -> list[str]:
    restarts, failure = status.get("restarts", 0), status.get("lastFailure")
    if not failure:
        return [f"RESTARTS: {restarts}"] if restarts else []
    where = f"container {failure['container']} of " if failure.get("container") else ""
    code = f", exit code {failure['exitCode']}" if "exitCode" in failure else ""
    why = f"{failure.get('reason')}: {failure.get('message')}"
    return [
        f"LAST FAILURE: {age(failure.get('time'), now)} ago, {why} "
        f"({where}pod {failure.get('pod')}{code}); {restarts} restarts of the present pods"
    ]


def _conditions(status: Object, now: datetime) -> Iterator[tuple[str, ...]]:
    for item in status.get("conditions") or []:
        yield item["type"], item["status"], item["reason"], age(item.get("lastTransitionTime"), now)


def _events(events: Sequence[Object], now: datetime) -> Iterator[tuple[str, ...]]:
    """The latest ones, the last at the end."""
    for event in sorted(events, key=last_seen)[-_EVENTS:]:
        about = event.get("regarding") or {}
        yield (
            age(last_seen(event), now),
            event.get("type", ""),
            event.get("reason", ""),
            f"{about.get('kind', '')}/{about.get('name', '')}",
            " ".join((event.get("note") or "").split()),
        )


def _table(title: str, head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> list[str]:
    """A table with a title; nothing without rows."""
    listed = list(rows)
    return [title, *table(head, listed, indent="  ")] if listed else []


def age(time: str | None, now: datetime) -> str:
    """How long ago a time was, in the largest unit that fits, as kubectl shows it; `-` if it is not known."""
    moment = parse_time(time)
    if moment is None:
        return "-"
    seconds = max(0, int((now - moment).total_seconds()))
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= size or size == 1)
    return f"{seconds // size}{unit}"


def _size(number: int) -> str:
    size, unit = next(
        (size, unit) for size, unit in ((1e9, "GB"), (1e6, "MB"), (1, "B")) if number >= size or size == 1
    )
    return f"{number / size:.1f} {unit}" if size > 1 else f"{number} B"
