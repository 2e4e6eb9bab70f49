"""How long the latest start took, from the timestamps that Kubernetes keeps anyway."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any

from fairlead_operator.api.names import ENGINE_CONTAINER, WEIGHTS_CONTAINER
from fairlead_operator.objects import condition_of, is_true, named
from fairlead_operator.plan.findings import parse_time

Object = dict[str, Any]


def measure_startup(pods: list[Object], previous: Object | None) -> Object | None:
    """Seconds by phase of the pod that became ready last; the previous measure if no pod has a newer one.

    Pods whose engine was restarted are left out: their timestamps are of another start. A pod that was
    measured is not measured again, since losing and regaining readiness moves its timestamps.
    """
    measured = [timed for pod in pods if (timed := _times(pod))]
    if not measured:
        return previous
    name, times, download = max(measured, key=lambda item: (item[1][-1], item[0]))
    if previous and previous.get("pod") == name:
        return previous
    phases = [max(0, round((end - begin).total_seconds())) for begin, end in pairwise(times)]
    return {
        "pod": name,
        "schedulingSeconds": phases[0],
        "preparingSeconds": phases[1],
        **({} if download is None else {"downloadSeconds": download}),
        "engineSeconds": phases[2],
        "totalSeconds": sum(phases),
    }


def _times(pod: Object) -> tuple[str, list[datetime], int | None] | None:
    """Created, scheduled, engine started, ready; and the seconds of the download, if there was one."""
    if not is_true(pod, "Ready"):
        return None
    engine = named(pod["status"].get("containerStatuses", []), ENGINE_CONTAINER)
    times = [
        parse_time(pod["metadata"].get("creationTimestamp")),
        parse_time(condition_of(pod, "PodScheduled").get("lastTransitionTime")),
        parse_time(engine.get("state", {}).get("running", {}).get("startedAt")),
        parse_time(condition_of(pod, "Ready").get("lastTransitionTime")),
    ]
    known = [time for time in times if time]
    if engine.get("restartCount") or len(known) < len(times):
        return None
    return pod["metadata"]["name"], known, _download_seconds(pod)


def _download_seconds(pod: Object) -> int | None:
    """Of the attempt that succeeded: what others have downloaded before it is a part of its figures."""
    container = named(pod["status"].get("initContainerStatuses", []), WEIGHTS_CONTAINER)
    end = container.get("state", {}).get("terminated", {})
    began, ended = parse_time(end.get("startedAt")), parse_time(end.get("finishedAt"))
    return max(0, round((ended - began).total_seconds())) if began and ended else None
