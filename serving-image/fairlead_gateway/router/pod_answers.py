"""The state of a pod, from the head of its answer."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead_gateway.routes import LOAD_HEADER

from .pods import Pod

OK, UNAUTHORIZED, TOO_MANY_REQUESTS = 200, 401, 429
# Statuses after which another pod may succeed: its queue is full, its engine broke off, it cannot serve.
TRY_ELSEWHERE = frozenset({TOO_MANY_REQUESTS, 502, 503})


def is_of_gateway(status: int) -> bool:
    """Whether a gateway answers with this status. Others have no body, or send the client elsewhere."""
    return status == OK or 400 <= status < 600


def is_event_stream(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether the answer is a stream of events."""
    return any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in headers)


def record_answer(pod: Pod, status: int, headers: Sequence[tuple[bytes, bytes]], now: float) -> None:
    """Records the load that the pod reports, and a success unless another pod may succeed."""
    for name, value in headers:
        if name == LOAD_HEADER:
            pod.record_load(value, now)
    if status not in TRY_ELSEWHERE:
        pod.worked()
