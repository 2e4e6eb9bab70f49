"""The gateway's own metrics: the clients' view, which the engine does not have.

Labels are bounded: endpoints are the few routes of the API, everything else counts as "other"; keys are those
that the owner made.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from prometheus_client.core import Metric

from .admission.concurrency_limiter import ConcurrencyLimiter
from .metric_families import (
    FIRST_TOKEN_SECONDS,
    MODEL_LABELS,
    TOKEN_SECONDS,
    Durations,
    MetricsPage,
    counter,
    gauge,
)

_USAGE = re.compile(rb'"usage":\{"prompt_tokens":(\d+),"total_tokens":(\d+)')
_USAGE_START = b'"usage":{'
_NAME = "fairlead_gateway_"


class Telemetry(MetricsPage):
    """All metrics of one gateway. Durations in seconds."""

    def __init__(self, limiter: ConcurrencyLimiter) -> None:
        super().__init__("gateway")
        self._gate = limiter
        self.model = ("", "")
        """Namespace and name of the ModelDeployment: the values of the first two labels."""
        self.engine_version = ""
        """The engine's own version; empty until it is known."""
        self._requests: dict[tuple[str, int, str], int] = defaultdict(int)
        self._rejects: dict[tuple[str, str], int] = defaultdict(int)
        self._tokens = {"prompt": 0, "completion": 0}
        self.settings_current = True
        self.unresponsive_seconds = 0.0
        self.duration = Durations(
            f"{_NAME}request_duration_seconds", "From the request's arrival to the last byte of the answer."
        )
        self.queue_time = Durations(
            f"{_NAME}queue_time_seconds",
            "From arrival until the engine got it, of the requests that had to wait here.",
        )
        self.first_event = Durations(
            f"{_NAME}time_to_first_token_seconds",
            "From the request's arrival to the first event of a stream.",
            FIRST_TOKEN_SECONDS,
        )
        self.between_events = Durations(
            f"{_NAME}inter_token_latency_seconds",
            "Mean time between the events of a stream.",
            TOKEN_SECONDS,
        )

    def count_request(self, endpoint: str, status: int, seconds: float, key: str = "") -> None:
        """Records one answered request; `key` is the name of the API key."""
        self._requests[endpoint, status, key] += 1
        self.duration.observe(endpoint, seconds)

    def count_reject(self, endpoint: str, code: str) -> None:
        """Records one answer in the error envelope."""
        self._rejects[endpoint, code] += 1

    def count_tokens(self, end_of_answer: bytes) -> tuple[int, int] | None:
        """Records the usage in the last part of the engine's answer, if it is there. Returns the tokens of
        prompt and completion.
        """
        start = end_of_answer.rfind(_USAGE_START)
        usage = _USAGE.match(end_of_answer, start) if start >= 0 else None
        if not usage:
            return None
        prompt, total = int(usage[1]), int(usage[2])
        self._tokens["prompt"] += prompt
        self._tokens["completion"] += total - prompt
        return prompt, total - prompt

    def families(self) -> Iterator[Metric]:
        """The gateway's metrics."""
        yield self._gauge(
            f"{_NAME}requests_running", "Generation requests at the engine.", self._gate.running
        )
        yield self._gauge(f"{_NAME}requests_waiting", "Generation requests waiting here.", self._gate.waiting)
        yield from self._counters()
        yield self._gauge(
            f"{_NAME}settings_current",
            "1 while the settings and keys on disk are in effect, 0 while they cannot be read.",
            int(self.settings_current),
        )
        yield self._gauge(
            f"{_NAME}engine_unresponsive_seconds",
            "How long the engine has requests and makes no progress; 0 unless it counts as hanging.",
            self.unresponsive_seconds,
        )
        version = {(*self.model, self.engine_version): 1} if self.engine_version else {}
        yield gauge("fairlead_engine_info", "The engine's version.", (*MODEL_LABELS, "version"), version)
        for durations in (self.duration, self.queue_time, self.first_event, self.between_events):
            yield durations.metric((*MODEL_LABELS, "endpoint"), lambda endpoint: (*self.model, endpoint))

    def _counters(self) -> Iterator[Metric]:
        yield counter(
            f"{_NAME}requests",
            "Requests by endpoint, HTTP status (499: the client left, 502: also a stream that broke) and API "
            "key.",
            (*MODEL_LABELS, "endpoint", "status", "key"),
            {
                (*self.model, endpoint, str(status), key): count
                for (endpoint, status, key), count in self._requests.items()
            },
        )
        yield counter(
            f"{_NAME}rejects",
            "Requests that ended with an error, by its code.",
            (*MODEL_LABELS, "endpoint", "code"),
            {(*self.model, *labels): count for labels, count in self._rejects.items()},
        )
        yield counter(
            f"{_NAME}tokens",
            "Tokens of the answers that had their usage.",
            (*MODEL_LABELS, "kind"),
            {(*self.model, kind): count for kind, count in self._tokens.items()},
        )

    def _gauge(self, name: str, documentation: str, value: float) -> Metric:
        return gauge(name, documentation, MODEL_LABELS, {self.model: value})
