"""The answers to `GET /status` and `GET /load` on the admin port of a gateway.

The gateway writes them, the operator reads the first. A gateway can be replaced by the pod's owner, so the
bounds hold for readers; an answer of another shape is none.
"""

from __future__ import annotations

from typing import Any

from fairlead_contract.document import Bytes, Count, Document, Seconds, Sentence, Word


class GatewayLoad(Document):
    """How many requests the gateway has, as `GET /load` and `POST /drain` report it."""

    running: Count
    waiting: Count
    draining: bool


class ReportedCause(Document):
    """Why a download does not go on."""

    reason: Word = ""
    message: Sentence = ""


class WeightsReport(Document):
    """How far the download of the weights is: what the operator reads of the state file of the download."""

    phase: Word = ""
    source: Sentence = ""
    bytes: Bytes | None = None
    total_bytes: Bytes | None = None
    bytes_per_second: Bytes | None = None
    detail: Sentence = ""
    cause: ReportedCause | None = None

    @property
    def figures(self) -> dict[str, Any]:
        """The values that were given, with the names that status.weights has for them."""
        return self.model_dump(exclude_defaults=True)


class EngineState(Document):
    """What the operator reads of the launcher's state file."""

    phase: Word | None = None


class PodReport(Document):
    """How much a pod has to do and how far its start is."""

    in_flight: Count
    """Requests that run."""
    queued: Count
    """Requests that wait for their turn in the gateway."""
    draining: bool = False
    drained: bool = False
    """Whether a drain has ended with no request in flight."""
    ready: bool = False
    engine: EngineState | None = None
    weights: WeightsReport | None = None
    unresponsive_seconds: Seconds = 0.0
    """How long the engine has had requests and made no token."""

    @property
    def load(self) -> int:
        """Requests that the pod has, running and waiting."""
        return self.in_flight + self.queued

    def with_state_files(
        self, engine: dict[str, Any] | None, weights: dict[str, Any] | None
    ) -> dict[str, Any]:
        """The answer as the gateway sends it: with the state files of the other containers as they are,
        since these containers may be of another version than the gateway.
        """
        return self.model_dump() | {"engine": engine, "weights": weights}
