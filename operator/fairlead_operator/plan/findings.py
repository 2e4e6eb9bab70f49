"""The causes why a model is not ready, as reasons with messages.

Messages stay the same while the cause does. What differs from one attempt to the next (generated names, ids,
ports, counts) is left out, since every change of a message is a write to the API server and a new event.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fairlead_operator.objects import condition_of
from fairlead_operator.plan.catalogue.reasons import is_stalled, rank
from fairlead_operator.plan.text import clean

Object = dict[str, Any]

# With the tally and the remedy it fits into the note of an event (1,024 characters).
LONGEST_CAUSE = 720
_VARYING = (
    (re.compile(r"rpc error: code = \w+ desc = "), ""),
    (re.compile(r"\b[0-9a-f]{32,64}\b"), "…"),
    (re.compile(r"((?:\d{1,3}\.){3}\d{1,3}|\[[0-9a-f:]+\]):\d{4,5}->"), r"\1->"),
    (re.compile(r"(?i)(request ?id:? *)[\w-]{8,}"), r"\1…"),
    (re.compile(r'^pods "[^"]*" is forbidden: '), ""),
    # The download's, while it tries again.
    (re.compile(r"[;,]? *\(?next try in [\d.]+ s\)?"), ""),
)


@dataclass(frozen=True)
class Finding:
    """A reason of the catalogue and the message that goes with it. `repeated` says that it happens again and
    again. `about`, if there is one, is how the message begins when the cause itself is not known at the
    moment, but may have been before.
    """

    reason: str
    message: str
    repeated: bool = False
    about: str = ""

    @property
    def stalled(self) -> bool:
        """Whether only a human can help."""
        return is_stalled(self.reason, self.repeated)


def worst(findings: list[Finding]) -> Finding | None:
    """The most important finding; of equals the first by message, so that the choice is stable."""
    return min(findings, key=lambda finding: (rank(finding.reason), finding.message), default=None)


def steady(text: str) -> str:
    """Text from outside without what changes with every attempt or cannot be shown, and not too long."""
    text = clean(text)
    for pattern, replacement in _VARYING:
        text = pattern.sub(replacement, text)
    text = text.strip()
    return text if len(text) <= LONGEST_CAUSE else f"{text[: LONGEST_CAUSE - 1]}…"


def deployment_finding(deployment: Object) -> Finding | None:
    """Why a Deployment has fewer pods than desired, if its status has the cause."""
    failure = condition_of(deployment, "ReplicaFailure")
    if failure.get("status") != "True":
        return None
    return creation_finding(failure.get("message") or failure.get("reason") or "")


def creation_finding(message: str) -> Finding:
    """Why a pod cannot be created, from the API server's answer to the controller."""
    message = clean(message)
    if "error looking up service account" in message:
        # Admission does not know the new ServiceAccount yet; the controller tries again.
        return Finding("Progressing", "the pod's service account is not known everywhere yet")
    return Finding(_creation_reason(message), f"no pod can be created: {steady(message)}")


def _creation_reason(message: str) -> str:
    if re.search(r'RuntimeClass "[^"]*" not found', message):
        return "RuntimeClassMissing"
    if "no PriorityClass with name" in message:
        return "PriorityClassMissing"
    if "exceeded quota" in message:
        return "QuotaExceeded"
    if re.search(r"failed calling webhook|timed? ?out|deadline exceeded|connection refused", message):
        return "PodCreationFailed"
    return (
        "PodRejected"
        if re.search(r"forbidden|denied|invalid", message, re.IGNORECASE)
        else "PodCreationFailed"
    )


def deadline_exceeded(deployment: Object) -> bool:
    """Whether the Deployment's rollout made no progress within its deadline."""
    return bool(condition_of(deployment, "Progressing").get("reason") == "ProgressDeadlineExceeded")


def last_seen(event: Object) -> str:
    """When an Event was last seen; timestamps of one API sort as text."""
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime") or event.get("deprecatedLastTimestamp") or event.get("eventTime") or ""
    )


def timestamp(now: datetime) -> str:
    """A time as Kubernetes writes it."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str | None) -> datetime | None:
    """A Kubernetes timestamp, or None if there is none or it is unreadable."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except ValueError:
        return None
